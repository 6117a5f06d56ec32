-- Run once by the postgres image, when it makes the tenant server: the role that changes tenants, no superuser.
\set password `cat /run/secrets/migrator-password`
create role tenantry_migrator login createdb password :'password';
revoke all on database postgres, template1 from public;
grant connect on database postgres to tenantry_migrator;

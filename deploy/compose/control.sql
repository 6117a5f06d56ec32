-- Run once by the postgres image, when it makes the control database: a role that owns it and is no superuser.
\set password `cat /run/secrets/tenantry-password`
create role tenantry login password :'password';
create database tenantry owner tenantry;
revoke all on database tenantry, postgres, template1 from public;

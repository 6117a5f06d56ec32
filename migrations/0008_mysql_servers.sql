-- Servers that are MySQL or MariaDB, and versions written for them.
alter table tenantry.db_servers
  drop constraint db_servers_kind_check,
  add constraint db_servers_kind_check check (kind in ('postgres', 'mysql', 'sqlite'));

alter table tenantry.versions
  drop constraint versions_dialect_check,
  add constraint versions_dialect_check check (dialect in ('postgres', 'mysql', 'sqlite'));

-- Servers that are no PostgreSQL, and the SQL that versions are written in.
alter table tenantry.db_servers
  add column kind text not null default 'postgres' check (kind in ('postgres', 'sqlite')),
  drop constraint db_servers_port_check,
  -- A directory of SQLite files has no port.
  add constraint db_servers_port_check check (port between 1 and 65535 or (kind = 'sqlite' and port = 0));

alter table tenantry.versions
  add column dialect text not null default 'postgres' check (dialect in ('postgres', 'sqlite'));

-- TLS whose certificate an authority signed, whatever the host's name: sslmode=verify-ca.
alter table tenantry.db_servers drop constraint db_servers_sslmode_check,
  add constraint db_servers_sslmode_check check (sslmode in ('disable', 'require', 'verify-ca', 'verify-full'));

-- What exists: servers, tenants, secrets, tokens, the record of who did what.

create table tenantry.data_keys (
  id integer generated always as identity primary key,
  -- The data key, encrypted with the key that is kept outside this database.
  wrapped bytea not null,
  key_fingerprint text not null,
  created_at timestamptz not null default now()
);

create table tenantry.secrets (
  owner text not null,
  purpose text not null,
  data_key_id integer not null references tenantry.data_keys,
  sealed bytea not null,
  updated_at timestamptz not null default now(),
  primary key (owner, purpose)
);

create table tenantry.db_servers (
  id integer generated always as identity primary key,
  name text not null unique check (name ~ '^[a-z][a-z0-9_-]{0,39}$'),
  host text not null,
  port integer not null check (port between 1 and 65535),
  username text not null,
  maintenance_database text not null,
  sslmode text not null check (sslmode in ('disable', 'require', 'verify-full')),
  ssl_root_cert text,
  pooler_host text,
  pooler_port integer check (pooler_port between 1 and 65535),
  capacity integer check (capacity > 0),
  labels jsonb not null default '{}',
  state text not null default 'active' check (state in ('active', 'retired')),
  system_identifier text,
  server_version integer,
  is_superuser boolean,
  max_connections integer,
  checked_at timestamptz,
  created_at timestamptz not null default now(),
  check ((pooler_host is null) = (pooler_port is null))
);

create table tenantry.tenants (
  id bigint generated always as identity primary key,
  name text not null unique,
  server_id integer not null references tenantry.db_servers,
  database_name text not null,
  -- Empty for a tenant that has the whole database.
  schema_name text not null default '',
  labels jsonb not null default '{}',
  state text not null default 'active' check (state in ('active', 'missing', 'retired')),
  -- The newest version in the tenant's ledger, as last seen: a copy for selecting, never for deciding.
  version_id text,
  ledger_ready boolean not null default false,
  created_by_operation uuid,
  created_at timestamptz not null default now(),
  unique (server_id, database_name, schema_name)
);
create index tenants_labels on tenantry.tenants using gin (labels jsonb_path_ops);
create index tenants_version on tenantry.tenants (version_id);
create index tenants_created_by on tenantry.tenants (created_by_operation) where created_by_operation is not null;

create table tenantry.api_tokens (
  id integer generated always as identity primary key,
  name text not null,
  hint text not null,
  sha256 bytea not null unique,
  scopes text[] not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);

create table tenantry.idempotency_keys (
  principal text not null,
  key text not null,
  route text not null,
  body_sha256 bytea not null,
  status integer,
  response jsonb,
  created_at timestamptz not null default now(),
  primary key (principal, key)
);
create index idempotency_keys_created on tenantry.idempotency_keys (created_at);

create table tenantry.audit_log (
  seq bigint primary key,
  at timestamptz not null,
  actor text not null,
  address text,
  action text not null,
  target text,
  reason text,
  request_id text,
  outcome text not null,
  detail jsonb not null default '{}',
  -- SHA-256 over the previous row's hash and this row: a changed or missing row is found.
  hash bytea not null
);

create function tenantry.refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is only ever added to' using errcode = '23514';
end $$;
create trigger audit_log_only_grows before update or delete or truncate on tenantry.audit_log
  for each statement execute function tenantry.refuse_audit_change();

-- Schemas as data, kept once per fingerprint, and the history of the names given to them.

create table tenantry.snapshots (
  -- SHA-256, hex, of its objects.
  fingerprint text primary key check (fingerprint ~ '^[0-9a-f]{64}$'),
  dialect text not null check (dialect in ('postgres', 'mysql', 'sqlite')),
  server_version text not null,
  objects integer not null,
  -- Canonical JSON, byte for byte as in a file.
  body text not null,
  created_at timestamptz not null default now()
);

create table tenantry.snapshot_versions (
  name text not null check (name ~ '^[a-z][a-z0-9._-]{0,99}$'),
  number integer not null check (number > 0),
  fingerprint text not null references tenantry.snapshots,
  message text not null,
  created_at timestamptz not null default now(),
  primary key (name, number)
);
create index snapshot_versions_fingerprint on tenantry.snapshot_versions (fingerprint);

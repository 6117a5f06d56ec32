-- Drift: which tenants' schemas are not what they are expected to be, as last seen.

-- What a text that is quick to read from a catalogue stands for: inspecting again is only needed for a text not seen
-- before.
create table tenantry.schema_readings (
  dialect text not null,
  server_version text not null,
  catalogue_fingerprint text not null,
  schema_fingerprint text not null,
  seen_at timestamptz not null default now(),
  primary key (dialect, server_version, catalogue_fingerprint)
);

create table tenantry.drift_scans (
  operation_id uuid primary key references tenantry.operations on delete cascade,
  selector text not null,
  -- The one schema expected of all; null: each tenant is held against the snapshot of the version it is recorded at.
  expected text,
  started_at timestamptz not null default now(),
  finished_at timestamptz
);

-- A way to differ: all tenants with the same differences from the same expected schema share one.
create table tenantry.drift_differences (
  key text primary key,
  expected text not null,
  actual text not null,
  -- One sentence for each difference.
  summary text[] not null,
  first_seen timestamptz not null default now()
);

create table tenantry.drift_findings (
  tenant_id bigint primary key references tenantry.tenants on delete cascade,
  operation_id uuid references tenantry.operations on delete set null,
  state text not null check (state in ('in_sync', 'different', 'unreachable', 'no_expectation')),
  difference_key text references tenantry.drift_differences,
  catalogue_fingerprint text,
  schema_fingerprint text,
  -- Stays the same for as long as nothing in the tenant's catalogue changes.
  change_marker text,
  error text,
  checked_at timestamptz not null default now(),
  check ((state = 'different') = (difference_key is not null)),
  check ((state = 'unreachable') = (error is not null))
);
create index drift_findings_difference on tenantry.drift_findings (difference_key) where difference_key is not null;
create index drift_findings_operation on tenantry.drift_findings (operation_id);

create table tenantry.drift_ignores (
  id bigint generated always as identity primary key,
  difference_key text not null references tenantry.drift_differences,
  -- Null: for every tenant that differs so.
  tenant_id bigint references tenantry.tenants on delete cascade,
  until timestamptz,
  reason text not null check (reason <> ''),
  created_by text not null,
  created_at timestamptz not null default now()
);
create index drift_ignores_difference on tenantry.drift_ignores (difference_key);

create view tenantry.drift_state as
select finding.*, exists (select from tenantry.drift_ignores as ignore
  where ignore.difference_key = finding.difference_key
    and (ignore.tenant_id is null or ignore.tenant_id = finding.tenant_id)
    and (ignore.until is null or ignore.until > now())) as ignored
from tenantry.drift_findings as finding;

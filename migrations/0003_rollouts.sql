-- Versions and their way to the tenants.

create table tenantry.versions (
  version_id text primary key check (version_id ~ '^[0-9]{8}_[0-9]{6}$'),
  description text not null,
  upgrade_sql text not null,
  downgrade_sql text,
  checksum text not null check (checksum ~ '^[0-9a-f]{64}$'),
  source text,
  source_revision text,
  -- Made for a measurement: in no list, and never the latest.
  internal boolean not null default false,
  created_at timestamptz not null default clock_timestamp()
);

create function tenantry.refuse_version_change() returns trigger language plpgsql as $$
begin
  raise exception 'version % is stored and never changes', old.version_id using errcode = '23514';
end $$;
create trigger versions_never_change before update on tenantry.versions
  for each row execute function tenantry.refuse_version_change();

create table tenantry.rollouts (
  id uuid primary key references tenantry.operations on delete cascade,
  direction text not null check (direction in ('upgrade', 'downgrade')),
  -- In the order of application.
  version_ids text[] not null,
  undo_of uuid references tenantry.rollouts,
  dry_run boolean not null,
  options jsonb not null,
  state text not null default 'running'
    check (state in ('running', 'paused', 'awaiting_approval', 'completed', 'stopped')),
  reason text,
  -- Paused by its circuit breaker, not by a person.
  breaker_open boolean not null default false,
  current_wave integer not null default 1,
  total integer not null,
  rate real not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz
);
create index rollouts_running on tenantry.rollouts (created_at) where state = 'running';
create index rollouts_created on tenantry.rollouts (created_at desc, id desc);

create table tenantry.rollout_waves (
  rollout_id uuid not null references tenantry.rollouts on delete cascade,
  wave integer not null,
  name text not null,
  total integer not null,
  gate jsonb not null,
  state text not null default 'pending'
    check (state in ('pending', 'running', 'soaking', 'awaiting_approval', 'passed')),
  started_at timestamptz,
  finished_at timestamptz,
  approved_by text,
  primary key (rollout_id, wave)
);

-- The part of one wave that is on one server: counters kept exact by the statements that finish targets.
create table tenantry.rollout_lanes (
  rollout_id uuid not null references tenantry.rollouts on delete cascade,
  wave integer not null,
  server_id integer not null references tenantry.db_servers,
  total integer not null,
  succeeded integer not null default 0,
  failed integer not null default 0,
  skipped integer not null default 0,
  already integer not null default 0,
  retries integer not null default 0,
  -- How many targets took how long: counts per bucket of src/lib/histogram.ts.
  durations integer[] not null default '{}',
  last_finished_at timestamptz,
  primary key (rollout_id, wave, server_id)
);

create table tenantry.rollout_servers (
  rollout_id uuid not null references tenantry.rollouts on delete cascade,
  server_id integer not null references tenantry.db_servers,
  state text not null default 'open' check (state in ('open', 'down', 'tripped')),
  reason text,
  since timestamptz,
  next_probe_at timestamptz,
  probes integer not null default 0,
  -- Counts at the last reset of the circuit breaker: what was already judged is not judged again.
  breaker_base jsonb not null default '{}',
  primary key (rollout_id, server_id)
);

create table tenantry.rollout_targets (
  rollout_id uuid not null references tenantry.rollouts on delete cascade,
  tenant_id bigint not null references tenantry.tenants,
  server_id integer not null,
  wave integer not null,
  position integer not null,
  state text not null default 'pending'
    check (state in ('pending', 'claimed', 'succeeded', 'failed', 'skipped')),
  outcome text,
  attempts integer not null default 0,
  not_before timestamptz not null default '-infinity',
  claimed_by uuid,
  duration_ms real,
  sqlstate text,
  error text,
  error_group text,
  finished_at timestamptz,
  primary key (rollout_id, tenant_id)
) with (
  fillfactor = 80,
  -- Every row changes twice within minutes: what is left behind must not slow claims and counts down.
  autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0
);
create index rollout_targets_claim on tenantry.rollout_targets (rollout_id, server_id, wave, position)
  where state = 'pending';
create index rollout_targets_claimed on tenantry.rollout_targets (rollout_id, claimed_by) where state = 'claimed';
create index rollout_targets_failed on tenantry.rollout_targets (rollout_id, error_group, tenant_id)
  where state = 'failed';
create index rollout_targets_tenant on tenantry.rollout_targets (tenant_id);

-- Counts that only grow, over all rollouts and workers, for the metrics.
create table tenantry.counters (
  name text not null,
  label text not null,
  value bigint not null,
  primary key (name, label)
);

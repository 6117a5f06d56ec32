-- Durable operations: everything that outlasts a request is a row here, run by workers under a lease.

create table tenantry.workers (
  -- One row per life of a worker process. A worker that loses its lease takes a new id, so what it had
  -- claimed under the old one can never be finished by it.
  id uuid primary key,
  host text not null,
  pid integer not null,
  started_at timestamptz not null default now(),
  lease_until timestamptz not null,
  draining boolean not null default false,
  -- Connections per server that it uses and allows itself now: [{server, active, limit}].
  loads jsonb not null default '[]'
);
create index workers_lease_until on tenantry.workers (lease_until);

create table tenantry.operations (
  id uuid primary key,
  kind text not null,
  input jsonb not null default '{}',
  state text not null default 'queued'
    check (state in ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
  -- Raised at every claim: a write that carries an older epoch is refused.
  epoch integer not null default 0,
  worker_id uuid,
  lease_until timestamptz,
  not_before timestamptz not null default '-infinity',
  attempts integer not null default 0,
  max_attempts integer not null default 5,
  cancel_requested boolean not null default false,
  -- Somebody wants it to run (again), whatever the life that is ending decides.
  woken boolean not null default false,
  progress jsonb not null default '{}',
  result jsonb,
  error jsonb,
  created_by text not null,
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  finished_at timestamptz
);
create index operations_claimable on tenantry.operations (not_before) where state = 'queued';
create index operations_running on tenantry.operations (lease_until) where state = 'running';
create index operations_created on tenantry.operations (created_at desc, id desc);
create index operations_kind_created on tenantry.operations (kind, created_at desc, id desc);

create table tenantry.operation_steps (
  operation_id uuid not null references tenantry.operations on delete cascade,
  name text not null,
  epoch integer not null,
  result jsonb,
  finished_at timestamptz not null default clock_timestamp(),
  primary key (operation_id, name)
);

create table tenantry.operation_events (
  seq bigint generated always as identity primary key,
  operation_id uuid not null references tenantry.operations on delete cascade,
  at timestamptz not null default clock_timestamp(),
  type text not null,
  data jsonb not null default '{}'
);
create index operation_events_operation on tenantry.operation_events (operation_id, seq);

create table tenantry.schedules (
  name text primary key,
  kind text not null,
  input jsonb not null default '{}',
  cron text not null,
  timezone text not null default 'UTC',
  enabled boolean not null default true,
  next_at timestamptz not null,
  last_operation_id uuid references tenantry.operations on delete set null,
  created_at timestamptz not null default now()
);
create index schedules_due on tenantry.schedules (next_at) where enabled;

create table tenantry.leases (
  name text primary key,
  holder uuid not null,
  epoch bigint not null,
  lease_until timestamptz not null
);

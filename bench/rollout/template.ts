/** What is in each database of the benchmark's fleet: a dozen tables with keys, checks, indexes and rows. */

const TABLES = [
  'customers',
  'contacts',
  'products',
  'orders',
  'order_lines',
  'invoices',
  'payments',
  'users',
  'sessions',
  'settings',
  'documents',
  'audit_log',
]
const ROWS_PER_TABLE = 200

function tableSql(name: string): string {
  return `
create table public.${name} (
  id bigint generated always as identity primary key,
  parent_id bigint,
  name text not null,
  note text,
  amount numeric(12, 2) not null default 0,
  status text not null default 'new' check (status in ('new', 'open', 'done')),
  created_at timestamptz not null default now(),
  data jsonb);
create index on public.${name} (parent_id);
insert into public.${name} (parent_id, name, amount, data)
  select n % 10 + 1, '${name} ' || n, n, jsonb_build_object('n', n) from generate_series(1, ${ROWS_PER_TABLE}) as n;`
}

export const TEMPLATE_TABLES = `${TABLES.map(tableSql).join('\n')}
alter table public.orders add foreign key (parent_id) references public.customers (id);
alter table public.order_lines add foreign key (parent_id) references public.orders (id);
alter table public.invoices add foreign key (parent_id) references public.orders (id);`

/** The version table of the usual program, there since its first run. */
export const USUAL_LEDGER = `create table if not exists public.schema_version (
  version_id text primary key, checksum text not null, applied_at timestamptz not null default now())`

/** A ledger that has what Tenantry's needs at the least; the benchmark puts the real one in its place. */
export const TEMPLATE_LEDGER = `
create schema tenantry;
create table tenantry.ledger (
  tenant_schema text not null,
  version_id text not null,
  checksum text not null,
  rollout_id uuid not null,
  applied_at timestamptz not null default now(),
  primary key (tenant_schema, version_id));`

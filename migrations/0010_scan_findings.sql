-- What each scan has found, for as long as it is asked for: scans at the same time must not take findings from each other.
create table tenantry.drift_scan_findings (
  operation_id uuid not null references tenantry.drift_scans on delete cascade,
  tenant_id bigint not null references tenantry.tenants on delete cascade,
  state text not null check (state in ('in_sync', 'different', 'unreachable', 'no_expectation')),
  difference_key text references tenantry.drift_differences,
  error text,
  read_from text,
  checked_at timestamptz not null default now(),
  primary key (operation_id, tenant_id)
);
create index drift_scan_findings_tenant on tenantry.drift_scan_findings (tenant_id);

alter table tenantry.drift_scans add column forgotten_at timestamptz;
comment on column tenantry.drift_scans.forgotten_at is 'When its findings were removed; null for as long as they are kept.';
-- Scans of before have left nothing but the last finding of each tenant.
update tenantry.drift_scans set forgotten_at = now() where finished_at is not null;

create view tenantry.drift_scan_state as
select finding.operation_id, finding.tenant_id, finding.state, finding.difference_key, finding.error, finding.read_from,
  finding.checked_at,
  exists (select from tenantry.drift_ignores as ignore
    where ignore.difference_key = finding.difference_key
      and (ignore.tenant_id is null or ignore.tenant_id = finding.tenant_id)
      and (ignore.until is null or ignore.until > now())) as ignored
from tenantry.drift_scan_findings as finding;

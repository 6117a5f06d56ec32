-- Since when a tenant differs as it does, and whether a repair has reached it since it was looked at last.
alter table tenantry.drift_findings
  -- The scan that first found it in this state, differing in this way.
  add column since timestamptz,
  -- When a repair of this difference was applied; null again once the tenant has been looked at.
  add column repaired_at timestamptz;
update tenantry.drift_findings set since = checked_at;
alter table tenantry.drift_findings alter column since set not null, alter column since set default now();

create or replace view tenantry.drift_state as
select finding.tenant_id, finding.operation_id, finding.state, finding.difference_key, finding.catalogue_fingerprint,
  finding.schema_fingerprint, finding.change_marker, finding.error, finding.checked_at,
  exists (select from tenantry.drift_ignores as ignore
    where ignore.difference_key = finding.difference_key
      and (ignore.tenant_id is null or ignore.tenant_id = finding.tenant_id)
      and (ignore.until is null or ignore.until > now())) as ignored,
  finding.read_from, finding.looked_at, finding.since, finding.repaired_at
from tenantry.drift_findings as finding;

-- What a scan has found stays what it has found: repairs that came after it do not count.
create or replace view tenantry.drift_scan_state as
select finding.operation_id, finding.tenant_id, finding.state, finding.difference_key, finding.error, finding.read_from,
  finding.checked_at,
  exists (select from tenantry.drift_ignores as ignore
    where ignore.difference_key = finding.difference_key
      and (ignore.tenant_id is null or ignore.tenant_id = finding.tenant_id)
      and (ignore.until is null or ignore.until > now())) as ignored,
  finding.looked_at,
  case when last.difference_key = finding.difference_key then least(last.since, finding.checked_at)
    else finding.checked_at end as since,
  null::timestamptz as repaired_at
from tenantry.drift_scan_findings as finding
left join tenantry.drift_findings as last on last.tenant_id = finding.tenant_id;

-- A database that nobody has written to since it was looked at is vouched for by its server, and is not connected to.
alter table tenantry.drift_findings
  -- Stays the same for as long as nothing is written to the tenant's database; null where the server cannot tell.
  add column write_mark text,
  add column looked_at timestamptz;
update tenantry.drift_findings set looked_at = checked_at;
alter table tenantry.drift_findings alter column looked_at set not null, alter column looked_at set default now();

alter table tenantry.drift_scan_findings add column looked_at timestamptz;
update tenantry.drift_scan_findings set looked_at = checked_at;
alter table tenantry.drift_scan_findings alter column looked_at set not null, alter column looked_at set default now();

create or replace view tenantry.drift_state as
select finding.tenant_id, finding.operation_id, finding.state, finding.difference_key, finding.catalogue_fingerprint,
  finding.schema_fingerprint, finding.change_marker, finding.error, finding.checked_at,
  exists (select from tenantry.drift_ignores as ignore
    where ignore.difference_key = finding.difference_key
      and (ignore.tenant_id is null or ignore.tenant_id = finding.tenant_id)
      and (ignore.until is null or ignore.until > now())) as ignored,
  finding.read_from, finding.looked_at
from tenantry.drift_findings as finding;

create or replace view tenantry.drift_scan_state as
select finding.operation_id, finding.tenant_id, finding.state, finding.difference_key, finding.error, finding.read_from,
  finding.checked_at,
  exists (select from tenantry.drift_ignores as ignore
    where ignore.difference_key = finding.difference_key
      and (ignore.tenant_id is null or ignore.tenant_id = finding.tenant_id)
      and (ignore.until is null or ignore.until > now())) as ignored,
  finding.looked_at
from tenantry.drift_scan_findings as finding;

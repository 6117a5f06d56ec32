-- A second address of a server, for looking only: a replica, or a role that may not write. Findings say where they were read.
alter table tenantry.db_servers
  add column read_host text,
  add column read_port integer check (read_port between 1 and 65535),
  add column read_username text,
  add column read_sslmode text check (read_sslmode in ('disable', 'require', 'verify-ca', 'verify-full')),
  add check (num_nulls(read_host, read_port, read_username, read_sslmode) in (0, 4));

alter table tenantry.drift_findings add column read_from text;

create or replace view tenantry.drift_state as
select finding.tenant_id, finding.operation_id, finding.state, finding.difference_key, finding.catalogue_fingerprint,
  finding.schema_fingerprint, finding.change_marker, finding.error, finding.checked_at,
  exists (select from tenantry.drift_ignores as ignore
    where ignore.difference_key = finding.difference_key
      and (ignore.tenant_id is null or ignore.tenant_id = finding.tenant_id)
      and (ignore.until is null or ignore.until > now())) as ignored,
  finding.read_from
from tenantry.drift_findings as finding;

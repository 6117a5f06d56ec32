-- A try of this target ended without an answer, and the tenant's ledger has not been read since: whether the tenant was
-- changed is not known. Tries that come after it, and end with another error, do not make it known.
alter table tenantry.rollout_targets add column unanswered boolean not null default false;

create table t(a bigint);
create function ok(bigint) returns bool language sql return true;
alter table t enable row level security;
create policy p on t using (ok(a)) with check (a in (select a from t));

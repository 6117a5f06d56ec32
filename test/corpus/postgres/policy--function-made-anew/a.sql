create table t(a int);
create function ok(int) returns bool language sql return true;
alter table t enable row level security;
create policy p on t using (ok(a));

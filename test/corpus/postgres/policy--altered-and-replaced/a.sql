do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
do $$ begin create role rb; exception when duplicate_object or unique_violation then null; end $$;
create table t(a int, o text);
alter table t enable row level security;
create policy p on t using (a > 0);
create policy q on t for select to ra using (true);
create policy s on t for update using (a>1) with check (a > 2);

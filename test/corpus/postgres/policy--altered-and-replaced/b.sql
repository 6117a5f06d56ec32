do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
do $$ begin create role rb; exception when duplicate_object or unique_violation then null; end $$;
create table t(a int, o text);
alter table t enable row level security;
create policy p on t to ra, rb using (a > 1);
create policy q on t as restrictive for select to ra using (true);
create policy s on t for update using (a>1);
comment on policy p on t is 'pp';

do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
do $$ begin create role rb; exception when duplicate_object or unique_violation then null; end $$;
create table t(a int, b int, c text);
grant select (a, b), update (c) on t to ra;
grant insert on t to ra;

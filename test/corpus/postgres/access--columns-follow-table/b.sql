do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
do $$ begin create role rb; exception when duplicate_object or unique_violation then null; end $$;
create table t(a int, b bigint, d text);
grant select (a), update (d) on t to ra with grant option;
grant insert (b) on t to public;
grant references on t to rb;
comment on table t is 'x';

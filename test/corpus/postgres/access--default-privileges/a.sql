do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
do $$ begin create role rb; exception when duplicate_object or unique_violation then null; end $$;
alter default privileges grant select on tables to ra;
create table t(a int);
create function f() returns int language sql return 1;
alter default privileges revoke execute on functions from public;
create schema x;
alter default privileges in schema x grant all on sequences to ra;

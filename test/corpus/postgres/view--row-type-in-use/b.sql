do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create table t(a int, b text);
create view v as select a::text as a, b from t;
create function f() returns setof v language sql as 'select * from v';
create function g(v) returns int language sql as 'select 1';
grant select on v to ra;
create rule r as on insert to v do instead insert into t values (1, new.b);

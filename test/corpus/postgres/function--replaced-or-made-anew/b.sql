create function f(a int, b text default 'y') returns table(x int, z text) language sql stable as $$select a,b$$;
create function g(inout a int, out c text) language sql immutable strict parallel safe as $$select 1,'x'$$;
create function h(variadic a int[]) returns int language sql security definer set search_path = pg_catalog, public as 'select 2';
create function i(x int) returns int language sql cost 5 leakproof as 'select 1';
create procedure p(a int, inout c int) language plpgsql as 'begin end';
comment on function g is 'gh';
create view v as select x from f(1);

create function f(a int, b text default 'x') returns table(x int, y text) language sql stable as $$select a,b$$;
create function g(inout a int, out b text) language sql as $$select 1,'x'$$;
create function h(variadic a int[]) returns int language sql as 'select 1';
create function i(int) returns int language sql as 'select 1';
create procedure p(a int, inout b int) language plpgsql as 'begin end';
comment on function g is 'gg';
create view v as select * from f(1);

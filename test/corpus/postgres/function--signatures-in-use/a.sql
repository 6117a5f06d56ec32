create function f(a int) returns int language sql as 'select 1';
create function g(a int) returns int language plpgsql as 'begin return 1; end';
create function k(x int) returns int language sql immutable as 'select x';
create table t (a int check (k(a) > 0), b int default g(1), c int generated always as (k(1)) stored);
create view v as select f(1) as q, k(a) from t;
create index i on t (k(a));

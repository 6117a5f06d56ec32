create table t(a int, b int, c int generated always as identity);
create sequence s;
create function f() returns int language sql return 1;
create type e as enum ('a');
create view v as select * from t;
grant select on t to ra;
grant update (a) on t to ra;
grant select(b) on t to ra;

create type e as enum ('a','c','b');
create table t(x e default 'c', y e[]);
create view v as select x from t;
create function f(e) returns int language sql return 1;

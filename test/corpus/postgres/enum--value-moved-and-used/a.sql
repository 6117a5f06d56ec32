create type e as enum ('a','b','c');
create table t(x e default 'a', y e[]);
create view v as select x from t;
create function f(e) returns int language sql return 1;

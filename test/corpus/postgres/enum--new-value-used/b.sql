create type e as enum ('a','b','0');
create table t(x e default 'b', check (x <> '0'));
create view v as select * from t where x = 'b';
create index i on t(x) where x = 'b';

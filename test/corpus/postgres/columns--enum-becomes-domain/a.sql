create type kind as enum ('a', 'b');
create table t (id int, k kind default 'a', "K 2" kind not null default 'b');
create index i on t (k) where "K 2" = 'a';
create view v as select k from t;

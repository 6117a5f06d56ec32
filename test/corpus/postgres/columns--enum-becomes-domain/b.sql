create domain kind as text check (value in ('a', 'b', 'c'));
create table t (id int, k kind default 'b', "K 2" kind not null default 'c');
create index i on t (k) where "K 2" = 'a';
create view v as select k from t;

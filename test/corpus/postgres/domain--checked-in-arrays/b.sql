create domain few as int check (value < 9);
create type pair as (x few, y int);
create table t (id int, a few[], p pair);
create view v as select a from t;
create domain others as int not null;
create table u (s others[]);

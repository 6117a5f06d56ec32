create table t(a int, b int, c int);
create view v as select a, c from t;
create view w as select c as b from v;
grant select(a) on v to ra;

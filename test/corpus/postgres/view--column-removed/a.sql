create table t(a int, b int, c int);
create view v as select a, b, c from t;
create view w as select b from v;

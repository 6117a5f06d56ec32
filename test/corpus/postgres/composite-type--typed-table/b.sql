create type c as (a bigint, d date);
create table t of c;
create view v as select a from t;

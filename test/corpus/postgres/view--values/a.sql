create table t (a int);
create materialized view empty as select a, 1 as one from t with no data;

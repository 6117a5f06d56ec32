create table t(a int, b text);
create materialized view m as select a, b from t;

create table t(a int, b text);
create materialized view m with (fillfactor=70, autovacuum_enabled=off) as select a, b from t;
alter materialized view m alter column b set statistics 50;
alter materialized view m alter column b set storage external;
create index mb on m(b);
alter materialized view m cluster on mb;

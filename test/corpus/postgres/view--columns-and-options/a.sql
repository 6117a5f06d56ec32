create table t(a int, b text);
create view v as select a from t;
create view w as select * from v;
create materialized view m as select b from t;
create index mi on m(b);
comment on view v is 'v';
comment on column w.a is 'wa';
create view z with (security_barrier) as select a from t where a > 0;

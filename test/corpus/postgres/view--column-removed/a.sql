do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create table t(a int, b int, c int);
create view v as select a, b, c from t;
create view w as select b from v;

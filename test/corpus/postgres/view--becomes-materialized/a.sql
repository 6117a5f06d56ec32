do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create table t(a int);
create view v as select a from t;

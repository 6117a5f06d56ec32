do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create table t(a int);
create materialized view v as select a from t;
create unique index on v(a);
comment on materialized view v is 'x';
comment on column v.a is 'y';
grant select on v to ra;

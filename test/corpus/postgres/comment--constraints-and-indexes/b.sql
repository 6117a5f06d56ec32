create table t(a int primary key);
comment on index t_pkey is 'b';
comment on table t is 't';
comment on column t.a is 'x\y';
create index i on t(a);
comment on index i is 'ii';
create statistics st on a, (a+1) from t;
comment on statistics st is 'st';
comment on schema public is 'changed';

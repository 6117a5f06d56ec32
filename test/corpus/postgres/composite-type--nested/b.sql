create type a as (x text, w int);
create type b as (y a, z a[], q int);
create table t(c b);
create function f(b) returns a language sql as 'select ($1).y';
comment on column a.x is 'xx';

create type a as (x int);
create type b as (y a, z a[]);
create table t(c b);
create function f(b) returns a language sql as 'select ($1).y';

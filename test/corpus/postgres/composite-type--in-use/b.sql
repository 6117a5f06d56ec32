create type c as (a bigint, b text, c date);
create type u as (a bigint, y int);
create table t (x u);

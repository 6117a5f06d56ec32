create type c as (a int, b text);
create type u as (a int, z text);
create table t (x u);

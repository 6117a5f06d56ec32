create table x(a int);
create view y as select 1 as a;
create function f() returns int language sql return 1;
create type e as enum('a');
create materialized view m as select 1 as a;

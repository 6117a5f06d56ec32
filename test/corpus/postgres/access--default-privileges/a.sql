alter default privileges grant select on tables to ra;
create table t(a int);
create function f() returns int language sql return 1;
alter default privileges revoke execute on functions from public;
create schema x;
alter default privileges in schema x grant all on sequences to ra;

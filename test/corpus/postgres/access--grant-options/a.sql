create function f(int) returns int language sql return 1;
create procedure p() language sql as 'select 1';
create sequence s;
create schema x;
create domain d as int;
create aggregate ag(int) (sfunc=int4pl, stype=int);
grant usage on domain d to ra;
grant select on sequence s to ra with grant option;
grant create on schema x to ra with grant option;

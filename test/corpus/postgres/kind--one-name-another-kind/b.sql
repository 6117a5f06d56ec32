create view x as select 1 as a;
create table y(a int);
create procedure f() language sql as 'select 1';
create domain e as text;
create view m as select 1 as a;

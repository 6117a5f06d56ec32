create type e as enum ('x','y');
create table t(a e not null default 'x', check (a <> 'y'));
create index i on t(a) where a = 'x';
create function f(a e default 'x') returns e language sql return a;
create domain d as e;
create table u(a e primary key) ;
create view v as select * from u where a = 'y';

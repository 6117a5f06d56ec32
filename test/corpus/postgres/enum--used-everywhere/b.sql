create type e as enum ('y','z');
create table t(a e not null default 'z', check (a <> 'y'));
create index i on t(a) where a = 'z';
create function f(a e default 'z') returns e language sql return a;
create domain d as e;
create table u(a e primary key);
create view v as select * from u where a = 'y';

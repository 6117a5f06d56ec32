create table t(a int) partition by list(a);
create table t1 partition of t for values in (1);
create function f() returns trigger language plpgsql as 'begin return new; end';

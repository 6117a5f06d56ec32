create table t(a int) partition by list(a);
create table t1 partition of t for values in (1);
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger x before insert on t for each row execute function f();
alter table t1 disable trigger x;

create table t(a int);
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger x before update on t for each row execute function f('a','b');
alter table t disable trigger x;
create trigger z after insert on t for each row execute function f();

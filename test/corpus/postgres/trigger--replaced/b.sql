create table t(a int);
create function f() returns trigger language plpgsql as 'begin return new; end';
create trigger x before update on t for each row when (old.* is distinct from new.*) execute function f('a','c');
alter table t enable replica trigger x;
create constraint trigger z after insert on t deferrable for each row execute function f();

create table t(a int, b int);
create function f() returns bigint language sql begin atomic select sum(b) from t; end;
create view v as select f();
create function h() returns setof t language sql begin atomic select * from t; end;

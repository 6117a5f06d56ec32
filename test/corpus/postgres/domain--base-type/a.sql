create function ok(text) returns bool language sql immutable return true;
create domain d as text check (ok(value));
create table t(a d, b d[]);
create view v as select a from t;
create function f(d) returns d language sql as 'select $1';

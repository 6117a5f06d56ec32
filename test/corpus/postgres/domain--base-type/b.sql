create function ok(text) returns bool language sql immutable return true;
create domain d as varchar(20) not null default 'q' check (ok(value)) check (value <> 'z');
create table t(a d, b d[]);
create view v as select a from t;
create function f(d) returns d language sql as 'select $1';
create domain d2 as d check (length(value) > 1);
comment on domain d2 is 'x';

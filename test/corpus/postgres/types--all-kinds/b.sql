create type e as enum ('a','b');
create domain d as text collate "C" default 'x' not null constraint c check (value <> '');
create type c as (a int, b text collate "C");
create type r as range (subtype=float8, subtype_diff=float8mi);
create domain d2 as e default 'a';
create collation co (locale='C');
create collation ci (provider=icu, locale='und-u-ks-level2', deterministic=false);
comment on type e is 'it''s
two';
comment on column c.a is 'attr';
comment on domain d is 'dd';
comment on constraint c on domain d is 'cc';
comment on collation co is 'x';
comment on type c is 'comp';

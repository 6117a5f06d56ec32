create table t(a int, b bigint, d text);
grant select (a), update (d) on t to ra with grant option;
grant insert (b) on t to public;
grant references on t to rb;
comment on table t is 'x';

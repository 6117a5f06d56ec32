create table t(a int, b int, c text);
grant select (a, b), update (c) on t to ra;
grant insert on t to ra;

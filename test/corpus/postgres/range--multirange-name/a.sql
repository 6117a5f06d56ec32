create type r as range(subtype=int);
create table t(a r);

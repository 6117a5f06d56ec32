create table t(a int primary key, b int);
create table u(a int);
create schema s;
create publication p for table t(a) where (a > 5), u with (publish='insert', publish_via_partition_root);
create publication q for tables in schema s;
comment on publication q is 'x';
create publication empty;

create schema s;
create table s.a (id int primary key, k text);
create table b (id int, r int) partition by list (r);
create publication p for tables in schema s;
create publication q for table b where (r > 0) with (publish_via_partition_root);

create table t(a int primary key, b bigint);
create publication p for table t (a) where (a > 1) with (publish='insert,update,delete,truncate');
create table u(a int) partition by list(a);
create publication pp for table u with (publish_via_partition_root);

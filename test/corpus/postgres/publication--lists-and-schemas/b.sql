create schema s;
create table s.a (id int primary key, k text);
create table b (id int, r int) partition by list (r);
create publication p for table s.a (id), b;
create publication q for table b;

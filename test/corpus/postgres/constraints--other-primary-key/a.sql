create table t (id int primary key, b int);
create table r (id int references t);

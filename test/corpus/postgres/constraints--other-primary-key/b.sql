create table t (id int, b int, constraint t_pk primary key (id) include (b));
create table r (id int references t);

create table m (id int, d date) partition by range (d);
create table m1 partition of m for values from ('2024-01-01') to ('2024-02-01');
create table m2 partition of m for values from ('2024-02-01') to ('2024-03-01');

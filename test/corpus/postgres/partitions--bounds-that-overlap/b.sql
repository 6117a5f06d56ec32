create schema s;
create table m (id int, d date) partition by range (d);
create table s.m1 partition of m for values from ('2024-01-01') to ('2024-02-15');
create table m2 (id int, d date);
create table m3 partition of m for values from ('2024-02-15') to ('2024-03-01');

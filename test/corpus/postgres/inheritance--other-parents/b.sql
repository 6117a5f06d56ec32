create table p (a int, b text);
create table q (b text, y int);
create table c (x int) inherits (q, p);
create table d () inherits (q);
create table f (x int) inherits (p, q);

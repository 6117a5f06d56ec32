create table p (a int, b text);
create table q (b text, y int);
create table c (x int) inherits (p, q);
create table d () inherits (p);
create table e () inherits (d);
create table f (x int) inherits (p);

create collation c from "C";
create table t (id int, a text collate c, b text);
create table p (a text collate c, b int) partition by range (a);
create table p1 partition of p default;

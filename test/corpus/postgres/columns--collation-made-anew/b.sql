create collation c from "POSIX";
create domain d as text collate c;
create table t (id int, a text collate c not null, b d);
create table p (a text collate c, b int) partition by range (a, b);
create table p1 partition of p default;

create domain d as text default 'a';
create domain d3 as int check (value > 0);
create table t (x d, y d3);

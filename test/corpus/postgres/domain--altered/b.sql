create domain d as text not null;
alter domain d add constraint q check (length(value) < 10) not valid;
create domain d3 as bigint check (value > 1);
create table t (x d, y d3);

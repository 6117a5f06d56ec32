create table fresh (id integer primary key, number text, status text);
insert into fresh select id, number, status from orders;
drop table orders;
alter table fresh rename to orders;
create unique index orders_number on orders (number);

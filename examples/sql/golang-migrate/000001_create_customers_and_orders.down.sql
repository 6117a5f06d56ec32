begin;
drop table if exists orders;
drop table if exists customers;
commit;

-- Included files are loaded where they are included, and not once more by themselves.
\ir tables/customers.sql
\ir tables/orders.sql

create view order_count as select customer_id, count(*) from orders group by customer_id;

drop function customer_orders(bigint);
drop index orders_by_customer;

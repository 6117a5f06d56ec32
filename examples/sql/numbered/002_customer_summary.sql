-- A body in the SQL standard's form: the semicolons inside belong to the function.
create function customer_orders(customer bigint) returns setof orders language sql stable
begin atomic
  select * from orders where customer_id = customer order by placed_at desc;
end;

create index concurrently orders_by_customer on orders (customer_id, placed_at desc);

comment on index orders_by_customer is 'for customer_orders()';

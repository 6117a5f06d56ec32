-- migrate:up transaction:false
create index concurrently if not exists orders_customer_id_idx on orders (customer_id);

-- migrate:down transaction:false
drop index concurrently if exists orders_customer_id_idx;

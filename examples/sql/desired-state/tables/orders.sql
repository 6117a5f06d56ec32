create table orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers,
  status order_status not null default 'open',
  placed_at timestamptz not null default now()
);
create index orders_customer_id_idx on orders (customer_id);

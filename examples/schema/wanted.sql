create table customers (
  id bigint generated always as identity primary key,
  email text not null unique,
  name text
);

create table orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers,
  status text not null default 'open' check (status in ('open', 'paid', 'sent')),
  remark text
);
create index orders_customer_id_idx on orders (customer_id);

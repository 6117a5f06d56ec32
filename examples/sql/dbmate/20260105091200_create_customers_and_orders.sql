-- migrate:up
create table customers (
  id bigint generated always as identity primary key,
  name text not null,
  email text not null,
  created_at timestamptz not null default now()
);

create table orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers,
  placed_at timestamptz not null default now(),
  note text not null default 'it''s new; unread'
);

-- migrate:down
drop table orders;
drop table customers;

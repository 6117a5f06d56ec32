create table customers (
  id bigint generated always as identity primary key,
  email varchar(200) not null
);

create table orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers,
  status text not null default 'open',
  remark text,
  placed_at timestamptz not null default now()
);

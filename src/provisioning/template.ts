/** The schema of simulated tenants: a small order system as many SaaS products have one, with rows in it. */

export const TEMPLATE_SQL = `
create table customers (
  id bigint generated always as identity primary key,
  email text not null unique,
  full_name text not null,
  phone text,
  created_at timestamptz not null default now());
create table addresses (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers,
  line text not null, city text not null, country char(2) not null);
create table categories (
  id bigint generated always as identity primary key,
  parent_id bigint references categories,
  name text not null);
create table products (
  id bigint generated always as identity primary key,
  category_id bigint not null references categories,
  sku text not null unique, name text not null,
  price numeric(12, 2) not null check (price >= 0),
  active boolean not null default true);
create table stock (
  product_id bigint primary key references products,
  on_hand integer not null, reserved integer not null default 0);
create table orders (
  id bigint generated always as identity primary key,
  customer_id bigint not null references customers,
  status text not null default 'open' check (status in ('open', 'paid', 'shipped', 'cancelled')),
  placed_at timestamptz not null default now());
create index orders_customer on orders (customer_id);
create table order_lines (
  order_id bigint not null references orders on delete cascade,
  line integer not null,
  product_id bigint not null references products,
  quantity integer not null check (quantity > 0), unit_price numeric(12, 2) not null,
  primary key (order_id, line));
create table payments (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders,
  method text not null, amount numeric(12, 2) not null, paid_at timestamptz not null default now());
create table shipments (
  id bigint generated always as identity primary key,
  order_id bigint not null references orders,
  carrier text not null, tracking text);
create table users (
  id bigint generated always as identity primary key,
  email text not null unique, role text not null default 'member');
create table settings (key text primary key, value jsonb not null);
create table audit_events (
  id bigint generated always as identity primary key,
  actor text not null, action text not null, at timestamptz not null default now(), detail jsonb);
create view open_orders as
  select o.id, c.email, o.placed_at from orders as o join customers as c on c.id = o.customer_id where o.status = 'open';

insert into customers (email, full_name, phone)
  select 'customer' || n || '@example.com', 'Customer ' || n, '+49 30 ' || (100000 + n) from generate_series(1, 60) as n;
insert into addresses (customer_id, line, city, country)
  select n, n || ' Main Street', 'Berlin', 'DE' from generate_series(1, 60) as n;
insert into categories (name) select 'Category ' || n from generate_series(1, 6) as n;
insert into products (category_id, sku, name, price)
  select 1 + n % 6, 'SKU-' || n, 'Product ' || n, 5 + n from generate_series(1, 40) as n;
insert into stock (product_id, on_hand) select n, 10 * n from generate_series(1, 40) as n;
insert into orders (customer_id, status)
  select 1 + n % 60, (array['open', 'paid', 'shipped'])[1 + n % 3] from generate_series(1, 120) as n;
insert into order_lines (order_id, line, product_id, quantity, unit_price)
  select 1 + n / 3, 1 + n % 3, 1 + n % 40, 1 + n % 5, 6 + n % 40 from generate_series(0, 359) as n;
insert into payments (order_id, method, amount) select n, 'card', 20 + n from generate_series(1, 60) as n;
insert into shipments (order_id, carrier, tracking) select n, 'DHL', 'T' || n from generate_series(1, 40) as n;
insert into users (email, role) values ('owner@example.com', 'owner'), ('staff@example.com', 'member');
insert into settings values ('currency', '"EUR"'), ('locale', '"de-DE"');
insert into audit_events (actor, action) select 'owner@example.com', 'login' from generate_series(1, 50)`

-- migrate:up
alter table orders
  add column status text not null default 'open',
  add constraint orders_status_known check (status in ('open', 'paid', 'sent', 'cancelled'));

update orders set status = 'sent' where placed_at < date '2026-01-01';

-- migrate:down
alter table orders drop column status;

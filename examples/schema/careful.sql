-- tenantry: allow data-loss
create index concurrently orders_status on orders (status);
begin;
alter table orders add constraint orders_status_check
  check (status in ('open', 'paid', 'sent')) not valid;
commit;
begin;
update orders set status = lower(status);
alter table orders validate constraint orders_status_check;
commit;
alter table orders drop column remark;

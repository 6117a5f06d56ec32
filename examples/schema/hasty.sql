create index orders_status on orders (status);
alter table orders add constraint orders_status_check check (status in ('open', 'paid', 'sent'));
update orders set status = lower(status);
alter table orders drop column remark;

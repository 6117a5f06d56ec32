drop trigger customers_touch on customers;
drop function touch();
alter table customers drop column touched_at;

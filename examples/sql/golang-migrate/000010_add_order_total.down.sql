alter table orders drop column if exists total_cents;

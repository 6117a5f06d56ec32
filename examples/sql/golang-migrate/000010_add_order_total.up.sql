alter table orders add column total_cents bigint not null default 0 check (total_cents >= 0);

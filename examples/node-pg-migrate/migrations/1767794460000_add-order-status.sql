-- Up Migration
create type order_status as enum ('open', 'closed');
alter table orders add column status order_status not null default 'open';

-- Down Migration
alter table orders drop column status;
drop type order_status;

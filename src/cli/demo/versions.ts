/** The two changes that the demo rolls out. */

interface DemoVersion {
  readonly description: string
  readonly upgrade: string
  readonly downgrade: string
}

/** Succeeds everywhere. */
export const LOYALTY: DemoVersion = {
  description: 'Loyalty points and coupons',
  upgrade: `alter table customers add column loyalty_points integer not null default 0;
create table coupons (
  id bigint generated always as identity primary key,
  code text not null unique,
  percent integer not null check (percent between 1 and 90),
  valid_until date);
create index orders_placed_at on orders (placed_at);
`,
  downgrade: `drop index orders_placed_at;
drop table coupons;
alter table customers drop column loyalty_points;
`,
}

/** Fails where the data does not allow it. */
export const STRICTER: DemoVersion = {
  description: 'One customer per phone number, payments above zero',
  upgrade: `alter table customers add constraint customers_phone_key unique (phone);
alter table payments add constraint payments_amount_positive check (amount > 0);
`,
  downgrade: `alter table payments drop constraint payments_amount_positive;
alter table customers drop constraint customers_phone_key;
`,
}

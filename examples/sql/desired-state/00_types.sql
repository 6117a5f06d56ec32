create type order_status as enum ('open', 'closed');

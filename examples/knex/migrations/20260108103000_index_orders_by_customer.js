exports.config = { transaction: false }

exports.up = (knex) => knex.raw('create index concurrently orders_customer_id_idx on orders (customer_id)')

exports.down = (knex) => knex.raw('drop index concurrently orders_customer_id_idx')

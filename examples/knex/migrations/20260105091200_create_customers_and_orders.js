exports.up = async (knex) => {
  await knex.schema.createTable('customers', (table) => {
    table.bigIncrements('id')
    table.text('name').notNullable()
    table.text('email').unique()
  })
  await knex.schema.createTable('orders', (table) => {
    table.bigIncrements('id')
    table.bigInteger('customer_id').notNullable().references('customers.id')
    table.timestamp('placed_at').notNullable().defaultTo(knex.fn.now())
  })
  await knex('customers').insert({ name: "O'Hara", email: 'first@example.com' })
}

exports.down = async (knex) => {
  await knex.schema.dropTable('orders')
  await knex.schema.dropTable('customers')
}

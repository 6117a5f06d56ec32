import type { Knex } from 'knex'

export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable('orders', (table) => {
    table.text('status').notNullable().defaultTo('open')
  })
  await knex('orders').where('placed_at', '<', '2026-01-01').update({ status: 'closed' })
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable('orders', (table) => {
    table.dropColumn('status')
  })
}

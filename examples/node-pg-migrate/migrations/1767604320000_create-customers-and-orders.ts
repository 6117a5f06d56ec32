import type { MigrationBuilder } from 'node-pg-migrate'

export const shorthands = { name: { type: 'text', notNull: true } }

export function up(pgm: MigrationBuilder): void {
  pgm.createTable('customers', {
    id: { type: 'bigint', primaryKey: true, sequenceGenerated: { precedence: 'ALWAYS' } },
    name: 'name',
    email: { type: 'text', unique: true },
  })
  pgm.createTable('orders', {
    id: { type: 'bigint', primaryKey: true, sequenceGenerated: { precedence: 'ALWAYS' } },
    customer_id: { type: 'bigint', notNull: true, references: 'customers' },
    placed_at: { type: 'timestamptz', notNull: true, default: pgm.func('now()') },
  })
}

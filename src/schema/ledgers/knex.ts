/** Knex: `knex_migrations` with the file names, and `knex_migrations_lock`, which stays locked when Knex dies. */
import type { NativeLedger } from './ledger.ts'

export const knex: NativeLedger = {
  tool: 'knex',
  table: 'knex_migrations',
  schemas: [''],
  columns: ['id', 'name', 'batch'],
  rows: { id: 'name', order: 'id' },
  keyOf: withoutExtension,
  lock: { ending: '_lock', column: 'is_locked' },
  reach: 'itself',
}

/** A project that was moved to TypeScript, or is compiled, has the same migrations under another ending. */
export function withoutExtension(name: string): string {
  return name.replace(/\.[mc]?[jt]s$/, '')
}

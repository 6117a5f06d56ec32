import type { KindRule } from '../../../plan/action.ts'
import { quote } from './names.ts'

export const schemaRule: KindRule = {
  create: (object) => [{ sql: `CREATE SCHEMA ${quote(object.name)}`, lock: null }],
  drop: (object) => [{ sql: `DROP SCHEMA ${quote(object.name)}`, lock: null }],
  alter: () => ({ actions: [] }),
  rename: ({ from, to }) => [
    { sql: `ALTER SCHEMA ${quote(from.name)} RENAME TO ${quote(to.name)}`, lock: null },
  ],
}

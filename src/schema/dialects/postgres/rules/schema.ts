import type { KindRule } from '../../../plan/action.ts'
import { quote } from './names.ts'

/** Not renamed: what is in it would have to be known under other names, in texts that no catalogue tells apart, too. */
export const schemaRule: KindRule = {
  create: (object) => [{ sql: `CREATE SCHEMA ${quote(object.name)}`, lock: null }],
  drop: (object) => [{ sql: `DROP SCHEMA ${quote(object.name)}`, lock: null }],
  alter: () => ({ actions: [] }),
}

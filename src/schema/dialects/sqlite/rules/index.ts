/** Rules by kind. */
import type { KindRule } from '../../../plan/action.ts'
import { index, trigger, view } from './others.ts'
import { column, constraint, table } from './tables.ts'
import { virtualTable } from './virtual-tables.ts'

export const rules: Readonly<Record<string, KindRule>> = {
  table,
  column,
  primary_key: constraint,
  unique: constraint,
  check: constraint,
  foreign_key: constraint,
  index,
  view,
  trigger,
  virtual_table: virtualTable,
}

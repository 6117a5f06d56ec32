/** What is done for each kind of object: one file each. Comments and grants are the same for all kinds. */
import type { KindRule } from '../../../plan/action.ts'
import { schemaRule } from './schema.ts'

export const rules: Readonly<Record<string, KindRule>> = {
  schema: schemaRule,
}

/** Rules by kind of object. */
import type { KindRule } from '../../../plan/action.ts'
import { foreignKeyRule } from './foreign-keys.ts'
import {
  databaseRule,
  eventRule,
  functionRule,
  libraryRule,
  packageBodyRule,
  packageRule,
  procedureRule,
  sequenceRule,
  triggerRule,
  viewRule,
} from './others.ts'
import { checkRule, columnRule, indexRule, tableRule } from './tables.ts'

export const rules: Readonly<Record<string, KindRule>> = {
  database: databaseRule,
  sequence: sequenceRule,
  table: tableRule,
  column: columnRule,
  index: indexRule,
  check: checkRule,
  foreign_key: foreignKeyRule,
  library: libraryRule,
  function: functionRule,
  procedure: procedureRule,
  package: packageRule,
  package_body: packageBodyRule,
  view: viewRule,
  trigger: triggerRule,
  event: eventRule,
}

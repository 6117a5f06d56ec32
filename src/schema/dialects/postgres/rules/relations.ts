/** Rules of what holds data, and of what stands on it. */
import type { KindRule } from '../../../plan/action.ts'
import { attachmentRule } from './partitions/attachment.ts'
import { columnRule } from './columns/column.ts'
import { constraintRule } from './constraints/constraint.ts'
import { foreignDataWrapperRule, foreignServerRule, userMappingRule } from './tables/foreign.ts'
import { indexRule } from './indexes/index-rule.ts'
import { schemaRule } from './schema.ts'
import { sequenceOwnerRule, sequenceRule } from './sequence.ts'
import { statisticsRule } from './statistics.ts'
import { tableRule } from './tables/table.ts'

export const RELATION_RULES: Readonly<Record<string, KindRule>> = {
  schema: schemaRule,
  table: tableRule,
  foreign_table: tableRule,
  column: columnRule,
  constraint: constraintRule,
  index: indexRule,
  attachment: attachmentRule,
  sequence: sequenceRule,
  sequence_owner: sequenceOwnerRule,
  statistics: statisticsRule,
  foreign_data_wrapper: foreignDataWrapperRule,
  foreign_server: foreignServerRule,
  user_mapping: userMappingRule,
}

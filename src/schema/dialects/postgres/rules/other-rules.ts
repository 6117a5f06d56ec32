/** Rules of all kinds that are no tables and no parts of them. */
import type { KindRule } from '../../../plan/action.ts'
import { collationRule, conversionRule } from './collation.ts'
import { attributeRule, compositeTypeRule } from './composite-type.ts'
import { defaultPrivilegeRule } from './default-privilege.ts'
import { domainConstraintRule, domainRule } from './domain.ts'
import { enumRule } from './enum.ts'
import { eventTriggerRule } from './event-trigger.ts'
import { extensionRule } from './extension.ts'
import { materializedViewRule } from './materialized-view.ts'
import { policyRule, rewriteRule, triggerRule, triggerStateRule } from './on-relations.ts'
import { publicationRule, publicationSchemaRule, publicationTableRule } from './publication.ts'
import { rangeRule } from './range.ts'
import { functionRule, procedureRule } from './routine.ts'
import { viewColumnRule } from './view-column.ts'
import { viewRule } from './view.ts'

export const OTHER_RULES: Readonly<Record<string, KindRule>> = {
  extension: extensionRule,
  collation: collationRule,
  conversion: conversionRule,
  enum: enumRule,
  domain: domainRule,
  domain_constraint: domainConstraintRule,
  composite_type: compositeTypeRule,
  attribute: attributeRule,
  range: rangeRule,
  function: functionRule,
  procedure: procedureRule,
  view: viewRule,
  materialized_view: materializedViewRule,
  view_column: viewColumnRule,
  rule: rewriteRule,
  trigger: triggerRule,
  trigger_state: triggerStateRule,
  policy: policyRule,
  event_trigger: eventTriggerRule,
  publication: publicationRule,
  publication_table: publicationTableRule,
  publication_schema: publicationSchemaRule,
  default_privilege: defaultPrivilegeRule,
}

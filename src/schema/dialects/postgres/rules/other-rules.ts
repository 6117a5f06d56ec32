/** Rules of all kinds that are no tables and no parts of them. */
import type { KindRule } from '../../../plan/action.ts'
import { aggregateRule } from './routines/aggregate.ts'
import { collationRule, conversionRule } from './types/collation.ts'
import { attributeRule, compositeTypeRule } from './types/composite-type.ts'
import { defaultPrivilegeRule } from './annotations/default-privilege.ts'
import { domainConstraintRule, domainRule } from './types/domain.ts'
import { enumRule } from './types/enum.ts'
import { eventTriggerRule } from './routines/event-trigger.ts'
import { extensionGrantRule } from './annotations/extension-grant.ts'
import { extensionRule } from './extension.ts'
import { accessMethodRule, languageRule } from './routines/language.ts'
import { materializedViewRule } from './views/materialized-view.ts'
import { policyRule, rewriteRule, triggerRule, triggerStateRule } from './tables/on-relations.ts'
import {
  castRule,
  operatorClassRule,
  operatorFamilyRule,
  operatorRule,
  transformRule,
} from './routines/operator.ts'
import { publicationRule, publicationSchemaRule, publicationTableRule } from './publication.ts'
import { rangeRule } from './types/range.ts'
import { functionRule, procedureRule } from './routines/routine.ts'
import {
  textSearchConfigurationRule,
  textSearchDictionaryRule,
  textSearchParserRule,
  textSearchTemplateRule,
} from './text-search.ts'
import { viewColumnRule } from './views/view-column.ts'
import { viewRule } from './views/view.ts'

export const OTHER_RULES: Readonly<Record<string, KindRule>> = {
  extension: extensionRule,
  extension_grant: extensionGrantRule,
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
  aggregate: aggregateRule,
  operator: operatorRule,
  operator_family: operatorFamilyRule,
  operator_class: operatorClassRule,
  cast: castRule,
  transform: transformRule,
  language: languageRule,
  access_method: accessMethodRule,
  text_search_parser: textSearchParserRule,
  text_search_template: textSearchTemplateRule,
  text_search_dictionary: textSearchDictionaryRule,
  text_search_configuration: textSearchConfigurationRule,
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

/** Readers of all kinds that are no tables and no parts of them. */
import type { Reader } from './reader.ts'
import { aggregates } from './aggregates.ts'
import { collations, conversions } from './collations.ts'
import {
  defaultPrivileges,
  eventTriggers,
  publications,
  publicationSchemas,
  publicationTables,
} from './database-wide.ts'
import { extensionGrants } from './extension-grants.ts'
import { extensions } from './extensions.ts'
import { accessMethods, languages } from './languages.ts'
import { policies, rewriteRules, triggers } from './on-relations.ts'
import { casts, operatorClasses, operatorFamilies, operators, transforms } from './operators.ts'
import { routines } from './routines.ts'
import {
  textSearchConfigurations,
  textSearchDictionaries,
  textSearchParsers,
  textSearchTemplates,
} from './text-search.ts'
import { attributes, baseTypes, compositeTypes, domainConstraints, domains, enums, ranges } from './types.ts'
import { unmodelled } from './unmodelled.ts'
import { viewColumns, views } from './views.ts'

export const OTHER_READERS: readonly Reader[] = [
  extensions,
  extensionGrants,
  collations,
  conversions,
  enums,
  domains,
  domainConstraints,
  compositeTypes,
  attributes,
  ranges,
  baseTypes,
  routines,
  aggregates,
  operators,
  operatorFamilies,
  operatorClasses,
  casts,
  transforms,
  languages,
  accessMethods,
  textSearchParsers,
  textSearchTemplates,
  textSearchDictionaries,
  textSearchConfigurations,
  views,
  viewColumns,
  rewriteRules,
  triggers,
  policies,
  eventTriggers,
  publications,
  publicationTables,
  publicationSchemas,
  defaultPrivileges,
  unmodelled,
]

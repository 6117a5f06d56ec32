/** Readers of all kinds that are no tables and no parts of them. */
import type { Reader } from './reader.ts'
import { collations, conversions } from './collations.ts'
import {
  defaultPrivileges,
  eventTriggers,
  publications,
  publicationSchemas,
  publicationTables,
} from './database-wide.ts'
import { extensions } from './extensions.ts'
import { policies, rewriteRules, triggers } from './on-relations.ts'
import { routines } from './routines.ts'
import { attributes, baseTypes, compositeTypes, domainConstraints, domains, enums, ranges } from './types.ts'
import { viewColumns, views } from './views.ts'

export const OTHER_READERS: readonly Reader[] = [
  extensions,
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
]

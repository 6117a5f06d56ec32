/** How each kind is called in COMMENT ON and GRANT ON, with the object's name. */
import type { SchemaObject } from '../../../snapshot/snapshot.ts'
import { ownerName, ownName, quote } from './names.ts'
import { operatorName } from './routines/operator.ts'
import { routineSignature } from './routines/routine-names.ts'
import { said } from '../said.ts'

type Naming = (object: SchemaObject) => string

const named =
  (word: string): Naming =>
  (object) =>
    `${word} ${quote(object.name)}`
const onRelation =
  (word: string): Naming =>
  (object) =>
    `${word} ${ownName(object)} ON ${ownerName(object)}`
const routine =
  (word: string): Naming =>
  (object) =>
    `${word} ${routineSignature(object)}`
const usingMethod =
  (word: string): Naming =>
  (object) =>
    `${word} ${quote([object.name[0] ?? '', said(object.facts?.['name'])])} USING ${said(object.facts?.['method'])}`
const bySignature =
  (word: string): Naming =>
  (object) =>
    `${word} ${said(object.facts?.['signature'])}`

/** The name in its own schema, without that of the table. */
const indexName: Naming = ({ name }) => `INDEX ${quote([name[0] ?? '', name.at(-1) ?? ''])}`

const NAMING: Readonly<Record<string, Naming>> = {
  schema: named('SCHEMA'),
  extension: named('EXTENSION'),
  collation: named('COLLATION'),
  conversion: named('CONVERSION'),
  enum: named('TYPE'),
  domain: named('DOMAIN'),
  domain_constraint: (object) => `CONSTRAINT ${ownName(object)} ON DOMAIN ${ownerName(object)}`,
  composite_type: named('TYPE'),
  attribute: named('COLUMN'),
  range: named('TYPE'),
  function: routine('FUNCTION'),
  procedure: routine('PROCEDURE'),
  aggregate: routine('AGGREGATE'),
  sequence: named('SEQUENCE'),
  table: named('TABLE'),
  foreign_table: named('FOREIGN TABLE'),
  column: named('COLUMN'),
  view_column: named('COLUMN'),
  constraint: onRelation('CONSTRAINT'),
  index: indexName,
  statistics: named('STATISTICS'),
  view: named('VIEW'),
  materialized_view: named('MATERIALIZED VIEW'),
  rule: onRelation('RULE'),
  trigger: onRelation('TRIGGER'),
  policy: onRelation('POLICY'),
  event_trigger: named('EVENT TRIGGER'),
  publication: named('PUBLICATION'),
  foreign_data_wrapper: named('FOREIGN DATA WRAPPER'),
  foreign_server: named('SERVER'),
  language: named('LANGUAGE'),
  access_method: named('ACCESS METHOD'),
  operator: (object) => `OPERATOR ${operatorName(object)} (${said(object.facts?.['types'])})`,
  cast: bySignature('CAST'),
  transform: bySignature('TRANSFORM'),
  operator_class: usingMethod('OPERATOR CLASS'),
  operator_family: usingMethod('OPERATOR FAMILY'),
  text_search_parser: named('TEXT SEARCH PARSER'),
  text_search_template: named('TEXT SEARCH TEMPLATE'),
  text_search_dictionary: named('TEXT SEARCH DICTIONARY'),
  text_search_configuration: named('TEXT SEARCH CONFIGURATION'),
}

/** `TABLE "public"."orders"`; undefined for what carries no comment. */
export function wordsFor(object: SchemaObject): string | undefined {
  return NAMING[object.kind]?.(object)
}

const GRANTED: Readonly<Record<string, Naming>> = {
  schema: named('SCHEMA'),
  enum: named('TYPE'),
  domain: named('DOMAIN'),
  composite_type: named('TYPE'),
  range: named('TYPE'),
  function: routine('FUNCTION'),
  procedure: routine('PROCEDURE'),
  aggregate: routine('FUNCTION'),
  sequence: named('SEQUENCE'),
  table: named('TABLE'),
  foreign_table: named('TABLE'),
  view: named('TABLE'),
  materialized_view: named('TABLE'),
  foreign_data_wrapper: named('FOREIGN DATA WRAPPER'),
  foreign_server: named('FOREIGN SERVER'),
  language: named('LANGUAGE'),
}

/** As `wordsFor`, for GRANT; undefined for what carries no grants of its own, as columns. */
export function grantedWords(object: SchemaObject): string | undefined {
  return GRANTED[object.kind]?.(object)
}

/** A column as it stands in CREATE TABLE and ADD COLUMN, and what can only be said afterwards. */
import { said } from '../../said.ts'
import { ident } from '../../../../../engine/sql.ts'
import type { Action } from '../../../../plan/action.ts'
import { objectId, type Properties, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { ownName, quote } from '../names.ts'
import { sequenceOptions } from '../sequence.ts'
import { brief, foreignOptions, optionList, optionsIn, tableOf, textOf } from '../tools.ts'

export interface Generated {
  readonly kind: 'stored' | 'virtual'
  readonly expression: string
}

export function generatedOf(properties: Properties): Generated | undefined {
  return properties['generated'] as Generated | undefined
}

export function identityOf(properties: Properties): Properties | undefined {
  return properties['identity'] as Properties | undefined
}

export function tableIdOf(column: SchemaObject): string {
  return column.parent ?? objectId('table', ...column.name.slice(0, 2))
}

/** `"id" bigint GENERATED ALWAYS AS IDENTITY (…) NOT NULL`. */
export function columnText(column: SchemaObject): string {
  const { properties } = column
  return [ownName(column), typeText(properties), ...attributes(column)].join(' ') + notNullText(properties)
}

/** What stands after the type, or after WITH OPTIONS. */
export function attributes(column: SchemaObject): string[] {
  const { properties } = column
  const compression = textOf(properties, 'compression')
  const generated = generatedOf(properties)
  const options = foreignOptions(optionsIn(properties, 'serverOptions')).trim()
  return [
    ...(compression === undefined ? [] : [`COMPRESSION ${compression}`]),
    ...(options === '' ? [] : [options]),
    ...(properties['default'] === undefined ? [] : [`DEFAULT ${said(properties['default'])}`]),
    ...(generated === undefined
      ? []
      : [`GENERATED ALWAYS AS ${parenthesised(generated.expression)} ${generated.kind.toUpperCase()}`]),
    ...identityText(column),
  ]
}

export function parenthesised(expression: string): string {
  return `(${expression})`
}

export function typeText(properties: Properties): string {
  const collation = textOf(properties, 'collation')
  return `${said(properties['type'])}${collation === undefined ? '' : ` COLLATE ${collation}`}`
}

function identityText(column: SchemaObject): string[] {
  const identity = identityOf(column.properties)
  return identity === undefined ? [] : [identityClause(column, identity)]
}

/** `GENERATED ALWAYS AS IDENTITY (SEQUENCE NAME … START WITH …)`. */
export function identityClause(column: SchemaObject, identity: Properties): string {
  const generation = said(identity['generation']).toUpperCase()
  const name = quote(identitySequence(column, identity))
  return `GENERATED ${generation} AS IDENTITY (SEQUENCE NAME ${name} ${sequenceOptions(identity)})`
}

/** The whole name of an identity's sequence. */
export function identitySequence(column: SchemaObject, identity: Properties): string[] {
  const name = identity['sequence'] as string[]
  return name.length > 1 ? name : [column.name[0] ?? '', ...name]
}

export function notNullText(properties: Properties): string {
  if (properties['notNull'] !== true || properties['notNullNotValid'] === true) return ''
  // Its parents give it.
  if (properties['notNullOfParent'] === true) return ''
  const name = textOf(properties, 'notNullName')
  const inherit = properties['notNullNoInherit'] === true ? ' NO INHERIT' : ''
  return `${name === undefined ? '' : ` CONSTRAINT ${ident(name)}`} NOT NULL${inherit}`
}

/** What CREATE TABLE and ADD COLUMN cannot say. */
export function columnExtras(column: SchemaObject): Action[] {
  const { properties } = column
  const alter = `ALTER TABLE ONLY ${tableOf(column)} ALTER COLUMN ${ownName(column)}`
  const storage = textOf(properties, 'storage')
  const statistics = textOf(properties, 'statistics')
  const options = optionsIn(properties)
  const identity = identityOf(properties)
  return [
    ...(storage === undefined ? [] : [brief(`${alter} SET STORAGE ${storage.toUpperCase()}`)]),
    ...(statistics === undefined ? [] : [brief(`${alter} SET STATISTICS ${statistics}`)]),
    ...(Object.keys(options).length === 0 ? [] : [brief(`${alter} SET (${optionList(options)})`)]),
    ...(identity === undefined ? [] : persistenceOf(column, identity)),
  ]
}

function persistenceOf(column: SchemaObject, identity: Properties): Action[] {
  const persistence = textOf(identity, 'persistence')
  if (persistence === undefined) return []
  return [
    brief(`ALTER SEQUENCE ${quote(identitySequence(column, identity))} SET ${persistence.toUpperCase()}`),
  ]
}

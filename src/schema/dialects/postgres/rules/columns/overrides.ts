/** What a child's column has otherwise than the parent's that it was made from. */
import { said } from '../../said.ts'
import type { Action } from '../../../../plan/action.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import { columnExtras } from './column-text.ts'
import { ownName } from '../names.ts'
import { ownNotNull } from './not-null-constraint.ts'
import { brief, tableOf, textOf } from '../tools.ts'

export function overridesOf(child: SchemaObject, parent: SchemaObject): Action[] {
  const [own, given] = [child.properties, parent.properties]
  const hasFromParent = given['notNull'] === true && given['notNullNoInherit'] !== true
  return [
    ...setDefault(child, parent),
    ...setCompression(child, parent),
    ...(own['storage'] === undefined ? setStorage(child, parent) : []),
    ...(hasFromParent ? [] : ownNotNull(child)),
    ...columnExtras(child),
  ]
}

/** The same for a column that the child has as its own as well, which CREATE TABLE has told all but that. */
export function ownOverridesOf(child: SchemaObject, parent: SchemaObject): Action[] {
  const own = child.properties
  return [
    ...(own['default'] === undefined && own['identity'] === undefined ? setDefault(child, parent) : []),
    ...setCompression(child, parent),
    ...(own['storage'] === undefined ? setStorage(child, parent) : []),
    ...columnExtras(child),
  ]
}

/** As it can stand in CREATE TABLE: the server refuses a compression that is not the parent's. */
export function mergeable(child: SchemaObject, parent: SchemaObject): SchemaObject {
  const { compression, ...properties } = child.properties
  return compression === parent.properties['compression'] ? child : { ...child, properties }
}

function alter(child: SchemaObject): string {
  return `ALTER TABLE ONLY ${tableOf(child)} ALTER COLUMN ${ownName(child)}`
}

function setDefault(child: SchemaObject, { properties: given }: SchemaObject): Action[] {
  const value = child.properties['default']
  if (value === given['default'] || given['generated'] !== undefined) return []
  return [brief(`${alter(child)} ${value === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${said(value)}`}`)]
}

function setCompression(child: SchemaObject, { properties: given }: SchemaObject): Action[] {
  const own = textOf(child.properties, 'compression')
  return own === given['compression'] ? [] : [brief(`${alter(child)} SET COMPRESSION ${own ?? 'default'}`)]
}

function setStorage(child: SchemaObject, { properties: given }: SchemaObject): Action[] {
  const usual = child.facts?.['usualStorage']
  if (given['storage'] === undefined || usual === undefined) return []
  return [brief(`${alter(child)} SET STORAGE ${said(usual).toUpperCase()}`)]
}

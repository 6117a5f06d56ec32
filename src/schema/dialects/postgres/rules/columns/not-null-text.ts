/** The NOT NULL of a column from PostgreSQL 18 on: what it is called, who has it, and the statements about one. */
import { ident } from '../../../../../engine/sql.ts'
import type { Action } from '../../../../plan/action.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import { usualNotNullName } from '../../usual-names.ts'
import { ownName } from '../names.ts'
import { brief, tableOf, textOf, validation } from '../tools.ts'

/** Its name in the catalogue, unless a parent gave it another. */
export function constraintNameOf(column: SchemaObject): string {
  const [, table = '', name = ''] = column.name
  return textOf(column.properties, 'notNullName') ?? usualNotNullName(table, name)
}

/** Of a domain's, from 17 on. */
export function domainNotNullName({ name: [, name = ''], properties }: SchemaObject): string {
  return textOf(properties, 'notNullName') ?? usualNotNullName(name)
}

/** The name that a column's has, or is to have, whoever gave it. */
export function notNullNameOn(column: SchemaObject): string {
  return isInherited(column) ? nameBefore(column) : constraintNameOf(column)
}

/** The name that it has, whoever gave it. */
export function nameBefore(column: SchemaObject): string {
  return textOf(column.facts ?? {}, 'notNullConstraint') ?? constraintNameOf(column)
}

export function isInherited(column: SchemaObject): boolean {
  return column.facts?.['notNullInherited'] === true
}

export function has(column: SchemaObject | undefined): boolean {
  return column?.properties['notNull'] === true
}

/** Whether children have it because this column has. */
export function gives(column: SchemaObject | undefined): boolean {
  return has(column) && column?.properties['notNullNoInherit'] !== true
}

/** It has it only because its parents have it. */
export function isOfParent(column: SchemaObject): boolean {
  return column.properties['notNullOfParent'] === true
}

export function isUnproved(column: SchemaObject): boolean {
  return column.properties['notNullNotValid'] === true
}

export function alterTable(column: SchemaObject): string {
  return `ALTER TABLE ${tableOf(column)}`
}

export function dropped(column: SchemaObject): Action {
  return brief(`${alterTable(column)} ALTER COLUMN ${ownName(column)} DROP NOT NULL`)
}

/** Whatever its name: it becomes the child's own as well. */
export function held(column: SchemaObject): Action {
  return brief(`${alterTable(column)} ALTER COLUMN ${ownName(column)} SET NOT NULL`)
}

/** `ALTER TABLE … ADD CONSTRAINT … NOT NULL …`, without NOT VALID. */
export function addition(column: SchemaObject): string {
  const inherit = column.properties['notNullNoInherit'] === true ? ' NO INHERIT' : ''
  return `${alterTable(column)} ADD CONSTRAINT ${ident(constraintNameOf(column))} NOT NULL ${ownName(column)}${inherit}`
}

export function named(name: string, to: SchemaObject): Action[] {
  const wanted = constraintNameOf(to)
  if (name === wanted) return []
  return [brief(`${alterTable(to)} RENAME CONSTRAINT ${ident(name)} TO ${ident(wanted)}`)]
}

export function validated(column: SchemaObject): Action {
  return validation(alterTable(column), ident(constraintNameOf(column)))
}

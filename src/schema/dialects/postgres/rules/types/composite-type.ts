/** Composite types and their attributes; tables made OF such a type follow by CASCADE. */
import type { Action, KindRule, RuleContext } from '../../../../plan/action.ts'
import { byPosition } from '../positions.ts'
import { idOf, objectId, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import type { Hazard } from '../../../../plan/hazards.ts'
import { ownerName, ownName, quote } from '../names.ts'
import { hazard, isQuiet, unlessNew } from '../tools.ts'
import { goesWithExtension } from './moved-types.ts'
import { conversion, keepsValues, underlying } from './types.ts'
import { lossOfValues } from './value-loss.ts'
import { said } from '../../said.ts'

export const compositeTypeRule: KindRule = {
  create: (object, context) => {
    const attributes = byPosition(context.partsAfter(idOf(object)))
    const list = attributes.map((attribute) => `${ownName(attribute)} ${typeOf(attribute)}`).join(', ')
    return [
      {
        sql: `CREATE TYPE ${quote(object.name)} AS (${list})`,
        creates: [idOf(object), ...attributes.map(idOf)],
        needs: attributes.flatMap(({ dependsOn }) => dependsOn),
        lock: null,
      },
    ]
  },
  drop: (object, context) => [
    { sql: `DROP TYPE ${quote(object.name)}`, lock: null, hazards: misplaced(object, context) },
  ],
  alter: () => ({ actions: [] }),
}

/** Values that a column keeps while the type is made anew go by text, each attribute by its place. */
function misplaced(object: SchemaObject, context: RuleContext): Hazard[] {
  const id = idOf(object)
  if (context.after(id) === undefined) return []
  const names = (parts: readonly SchemaObject[]): string =>
    JSON.stringify(byPosition(parts).map(({ name }) => name.at(-1)))
  if (names(context.partsBefore(id)) === names(context.partsAfter(id))) return []
  const held = context.dependentsBefore(id).some(({ kind }) => HOLDERS.has(kind))
  const detail = `Stored values of ${object.name.join('.')} get other attributes by their place in it.`
  return held ? [hazard('data-loss', detail)] : []
}

function typeOf({ properties }: SchemaObject): string {
  const { type, collation } = properties
  return collation === undefined ? said(type) : `${said(type)} COLLATE ${said(collation)}`
}

export const attributeRule: KindRule = {
  unsettles: heldWhole,
  create: (object, context) => [
    {
      sql: `ALTER TYPE ${ownerName(object)} ADD ATTRIBUTE ${ownName(object)} ${typeOf(object)}${cascade(object, context)}`,
      creates: [idOf(object), ...typedColumns(object, context, context.after)],
      lock: null,
    },
  ],
  drop: (object, context) => [
    {
      sql: `ALTER TYPE ${ownerName(object)} DROP ATTRIBUTE ${ownName(object)}${cascade(object, context)}`,
      drops: [idOf(object), ...typedColumns(object, context, context.before)],
      lock: null,
      ...lossOf(object, context),
    },
  ],
  alter: ({ from, to, id, properties }, context) => {
    if (!properties.includes('collation') && goesWithExtension(from, to, context)) return { actions: [] }
    const parent = to.parent as string
    // The server refuses while a column holds values of the type, and finds no cast that has to be written.
    const held = context.dependentsBefore(parent).some((other) => !isTyped(other))
    const base = underlying(said(from.properties['type']), context.source.objects)
    if (held || conversion('value', base, said(to.properties['type'])) !== undefined)
      return { actions: [], rebuild: [parent] }
    const sql = `ALTER TYPE ${ownerName(to)} ALTER ATTRIBUTE ${ownName(to)} SET DATA TYPE ${typeOf(to)}${cascade(to, context)}`
    const typed = typedColumns(to, context, context.after)
    return {
      actions: [{ sql, alters: [id, ...typed], ...retyped(from, to, context) }],
      rebuild: typed.flatMap((column) => context.dependentsBefore(column).map(idOf)),
    }
  },
}

/** What it does to the tables that are made of the type. */
function retyped(from: SchemaObject, to: SchemaObject, context: RuleContext): Omit<Action, 'sql'> {
  const [before, after] = [said(from.properties['type']), said(to.properties['type'])]
  const tables = typedTables(to, context)
  const kept = keepsValues(before, after)
  const loss = lossOfValues(before, after, false, context)
  const rewritten = kept ? [] : tables.filter((table) => !isQuiet(idOf(table), context))
  return {
    lock: tables.length === 0 ? null : 'access exclusive',
    rewrites: rewritten.length > 0,
    long: rewritten.length > 0,
    hazards: tables.flatMap((table) => {
      const [id, name] = [idOf(table), `${quote(table.name)}.${ownName(to)}`]
      return [
        ...(loss === undefined ? [] : unlessNew(id, context, 'data-loss', `${name}: ${loss}`)),
        ...(kept
          ? []
          : unlessNew(id, context, 'may-fail', `It fails when a value of ${name} is no ${after}.`)),
        ...(rewritten.includes(table)
          ? [hazard('table-rewrite', `${quote(table.name)} is written anew to change the type of ${name}.`)]
          : []),
      ]
    }),
  }
}

/** Of an attribute that can only be dropped and added: values that are stored keep it when they go by text. */
function heldWhole(attribute: SchemaObject, context: RuleContext): string[] {
  const parent = attribute.parent as string
  const isAnew = context.before(idOf(attribute)) !== undefined && context.isDropped(idOf(attribute))
  const held = context.dependentsBefore(parent).some(({ kind }) => HOLDERS.has(kind))
  return isAnew && held ? [parent] : []
}

function isTyped(object: SchemaObject): boolean {
  return object.kind === 'table' && object.properties['ofType'] !== undefined
}

function typedTables(attribute: SchemaObject, context: RuleContext): SchemaObject[] {
  return context.dependentsBefore(attribute.parent as string).filter(isTyped)
}

function cascade(attribute: SchemaObject, context: RuleContext): string {
  return typedTables(attribute, context).length > 0 ? ' CASCADE' : ''
}

function typedColumns(attribute: SchemaObject, context: RuleContext, look: RuleContext['after']): string[] {
  return typedTables(attribute, context)
    .map((table) => objectId('column', ...table.name, attribute.name.at(-1) as string))
    .filter((id) => look(id) !== undefined)
}

function lossOf(object: SchemaObject, context: RuleContext): Pick<Action, 'hazards'> {
  const held = context.dependentsBefore(object.parent as string).some(({ kind }) => HOLDERS.has(kind))
  if (!held) return {}
  const detail = `The values of attribute ${object.name.join('.')} are removed wherever the type is stored.`
  return { hazards: [{ name: 'data-loss', detail }] }
}

const HOLDERS = new Set(['table', 'column', 'attribute', 'domain', 'composite_type', 'range'])

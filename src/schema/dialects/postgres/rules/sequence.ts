/** Sequences, and which column they belong to. */
import { said } from '../said.ts'
import { literal } from '../../../../engine/sql.ts'
import type { Action, KindRule, RuleContext } from '../../../plan/action.ts'
import type { Hazard } from '../../../plan/hazards.ts'
import { idOf, objectId, type Properties, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { quote } from './names.ts'
import { brief, hazard, majorOf } from './tools.ts'

/** `INCREMENT BY 1 MINVALUE 1 …`: all of it, so that no default has to be known. */
export function sequenceOptions(properties: Properties): string {
  const { increment, minimum, maximum, start, cache, cycle } = properties as Readonly<
    Record<string, string | boolean>
  >
  return [
    `INCREMENT BY ${increment}`,
    `MINVALUE ${minimum}`,
    `MAXVALUE ${maximum}`,
    `START WITH ${start}`,
    `CACHE ${cache}`,
    cycle === true ? 'CYCLE' : 'NO CYCLE',
  ].join(' ')
}

const OPTION_NAMES = ['increment', 'minimum', 'maximum', 'start', 'cache', 'cycle'] as const

/** The options that differ, each as it is set. */
export function changedSequenceOptions(from: Properties, to: Properties): string[] {
  const word = {
    increment: 'INCREMENT BY',
    minimum: 'MINVALUE',
    maximum: 'MAXVALUE',
    start: 'START WITH',
    cache: 'CACHE',
  }
  return OPTION_NAMES.flatMap((name) => {
    if (from[name] === to[name]) return []
    if (name === 'cycle') return [to['cycle'] === true ? 'CYCLE' : 'NO CYCLE']
    return [`${word[name]} ${said(to[name])}`]
  })
}

/** Whether no value of the old bounds is one of the new. */
function boundsLeft(from: Properties, to: Properties): boolean {
  const bound = (options: Properties, name: string): bigint => BigInt(said(options[name]))
  return bound(to, 'minimum') > bound(from, 'maximum') || bound(to, 'maximum') < bound(from, 'minimum')
}

/** `RESTART WITH 1` where the sequence cannot stay at any value that it may have: the new bounds have none of the old. */
export function restarted(from: Properties, to: Properties): string[] {
  return boundsLeft(from, to) ? [`RESTART WITH ${said(to['start'])}`] : []
}

/** A value that new bounds leave out is moved to the nearer of them; a plain sequence that counts on is not touched. */
export function intoBounds(sequence: string, from: Properties, to: Properties): Action[] {
  if (boundsLeft(from, to)) return []
  const actions: Action[] = []
  const move = (bound: string, where: string, called: boolean): void => {
    actions.push({
      sql: `SELECT pg_catalog.setval(${literal(sequence).trim()}, ${bound}, ${called}) FROM ${sequence} WHERE last_value ${where} ${bound}`,
      lock: 'row exclusive',
    })
  }
  if (BigInt(said(to['minimum'])) > BigInt(said(from['minimum']))) move(said(to['minimum']), '<', false)
  if (BigInt(said(to['maximum'])) < BigInt(said(from['maximum']))) move(said(to['maximum']), '>', true)
  return actions
}

/**
 * A sequence that is new goes on where another one stands, within its own bounds; where they have nothing in common, or
 * the other one was never used, it begins at its own start.
 * @param former quoted name of what has `last_value` and `is_called`
 */
export function goesOn(sequence: string, former: string, from: Properties, to: Properties): Action[] {
  if (boundsLeft(from, to)) return []
  const [low, high, start] = [said(to['minimum']), said(to['maximum']), said(from['start'])]
  const inside = BigInt(low) <= BigInt(said(from['minimum'])) && BigInt(high) >= BigInt(said(from['maximum']))
  const position = inside
    ? 'last_value, is_called'
    : `greatest(least(last_value, ${high}), ${low}), is_called AND last_value >= ${low} OR last_value > ${high}`
  const used = start === said(to['start']) ? '' : ` WHERE is_called OR last_value <> ${start}`
  return [
    {
      sql: `SELECT pg_catalog.setval(${literal(sequence).trim()}, ${position}) FROM ${former}${used}`,
      lock: 'row exclusive',
    },
  ]
}

/** How far a sequence has counted is lost with it. */
export function countLost(name: readonly string[]): Hazard {
  return hazard('data-loss', `The sequence ${name.join('.')} and how far it has counted are removed.`)
}

export function createSequence(object: SchemaObject): Action {
  const { properties } = object
  const unlogged = properties['unlogged'] === true ? 'UNLOGGED ' : ''
  return {
    sql: `CREATE ${unlogged}SEQUENCE ${quote(object.name)} AS ${said(properties['type'])} ${sequenceOptions(properties)}`,
    lock: null,
    creates: [idOf(object)],
  }
}

/** Ids of the sequences that go when these columns go, by themselves. */
export function sequencesGoneWith(columns: readonly string[], context: RuleContext): string[] {
  return columns.flatMap((column) =>
    context
      .dependentsBefore(column)
      .filter((object) => object.kind === 'sequence_owner')
      .map((object) => object.parent as string)
      .filter((id) => context.isDropped(id)),
  )
}

/** The id of the table that it belongs to. */
function ownerOf({ name }: SchemaObject, lookUp: RuleContext['before']): string | undefined {
  const owner = lookUp(objectId('sequence_owner', ...name))
  const column = owner?.properties['column'] as string[] | undefined
  return column === undefined ? undefined : objectId('table', ...column.slice(0, 2))
}

/** A table takes its sequences along when it becomes logged or unlogged: those that are to be otherwise are told again. */
export function persistenceKept(table: SchemaObject, context: RuleContext): Action[] {
  const unlogged = table.properties['persistence'] === 'unlogged'
  return context
    .partsAfter(idOf(table))
    .flatMap((column) => sequencesOf(idOf(column), context))
    .filter((sequence) => followsTable(sequence, context))
    .filter((sequence) => (sequence.properties['unlogged'] === true) !== unlogged)
    .map((sequence) =>
      brief(`ALTER SEQUENCE ${quote(sequence.name)} SET ${unlogged ? 'LOGGED' : 'UNLOGGED'}`),
    )
}

function sequencesOf(column: string, context: RuleContext): SchemaObject[] {
  return context
    .dependentsBefore(column)
    .filter(({ kind }) => kind === 'sequence_owner')
    .flatMap((owner) => context.after(owner.parent ?? '') ?? [])
}

/** Its owner, and so its persistence, when it is owned by a column of a table that is changed as a whole. */
function followsTable(object: SchemaObject, context: RuleContext): boolean {
  const [before, id] = [context.before, context.after].map((lookUp) => ownerOf(object, lookUp))
  if (id === undefined || before !== id || majorOf(context) < 15 || context.isDropped(id)) return false
  return context.before(id)?.properties['persistence'] !== context.after(id)?.properties['persistence']
}

export const sequenceRule: KindRule = {
  create: (object) => [createSequence(object)],
  drop: (object) => [
    brief(`DROP SEQUENCE ${quote(object.name)}`, {
      hazards: [countLost(object.name)],
    }),
  ],
  alter: ({ from, to, properties }, context) => {
    const name = quote(to.name)
    const changes = [
      ...(properties.includes('type') ? [`AS ${said(to.properties['type'])}`] : []),
      ...changedSequenceOptions(from.properties, to.properties),
      ...restarted(from.properties, to.properties),
    ]
    const actions: Action[] = intoBounds(name, from.properties, to.properties)
    if (changes.length > 0) {
      // AS sets bounds that were the old type's, unless they are given.
      const bounds =
        properties.includes('type') && !properties.includes('maximum')
          ? ` MINVALUE ${said(to.properties['minimum'])} MAXVALUE ${said(to.properties['maximum'])}`
          : ''
      actions.push(brief(`ALTER SEQUENCE ${name} ${changes.join(' ')}${bounds}`))
    }
    if (properties.includes('unlogged') && !followsTable(to, context)) {
      actions.push(
        brief(`ALTER SEQUENCE ${name} SET ${to.properties['unlogged'] === true ? 'UNLOGGED' : 'LOGGED'}`),
      )
    }
    return { actions }
  },
  // What uses it by its name finds it again by its oid: it is dropped and made anew by nobody's wish.
  rename: ({ from, to }) => [
    brief(`ALTER SEQUENCE ${quote(from.name)} RENAME TO ${quote(to.name.slice(-1))}`),
  ],
}

export const sequenceOwnerRule: KindRule = {
  create: (object) => [
    brief(`ALTER SEQUENCE ${quote(object.name)} OWNED BY ${quote(object.properties['column'] as string[])}`, {
      // It would become as lasting as the table.
      needs: [objectId('table', ...(object.properties['column'] as string[]).slice(0, 2))],
    }),
  ],
  drop: (object) => [brief(`ALTER SEQUENCE ${quote(object.name)} OWNED BY NONE`)],
}

/** Indexes as statements: built beside the running work, or at once where nobody waits. */
import { ident } from '../../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { sameJson } from '../../../../snapshot/canonical.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { attachedId, stableParents, withoutFormer } from '../partitions/family.ts'
import { comparedAnew } from './compared-anew.ts'
import { completed, settledPartitions } from './incomplete.ts'
import { becomes, formerOf, indexIdOf, twins } from './index-family.ts'
import { quote } from '../names.ts'
import { brief, hazard, isQuiet, isSmall, optionList, optionsIn, tableOf, textOf } from '../tools.ts'

export interface IndexText {
  readonly unique: boolean
  /** From the method on, without options and condition: `btree (a) INCLUDE (b)`. */
  readonly using: string
}

/** The name of an index, with its schema. */
export function indexName(part: SchemaObject, name = part.name.at(-1) ?? ''): string {
  return quote([part.name[0] ?? '', name])
}

export function isPartitioned(tableId: string, context: RuleContext): boolean {
  return context.after(tableId)?.properties['partitionBy'] !== undefined
}

/** `CREATE INDEX …` with all that belongs into it. */
function createIndexText(
  part: SchemaObject,
  { unique, using }: IndexText,
  how: { readonly concurrently: boolean; readonly only: boolean; readonly name: string },
): string {
  const options = optionsIn(part.properties)
  const tablespace = textOf(part.properties, 'tablespace')
  const at = conditionAt(using)
  const tail = [
    ...(Object.keys(options).length === 0 ? [] : [`WITH (${optionList(options)})`]),
    ...(tablespace === undefined ? [] : [`TABLESPACE ${ident(tablespace)}`]),
  ]
  return [
    `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${how.concurrently ? 'CONCURRENTLY ' : ''}${ident(how.name)}`,
    `ON ${how.only ? 'ONLY ' : ''}${tableOf(part)} USING ${using.slice(0, at)}`.trim(),
    ...tail,
    ...(at === using.length ? [] : [using.slice(at).trim()]),
  ].join(' ')
}

/** Where the WHERE of a definition begins: the last one outside of quotes and parentheses. */
function conditionAt(using: string): number {
  let depth = 0
  let quoted = ''
  for (let at = 0; at < using.length; at++) {
    const character = using[at] as string
    if (quoted !== '') {
      if (character === quoted) quoted = ''
    } else if (character === "'" || character === '"') quoted = character
    else if (character === '(' || character === '[') depth++
    else if (character === ')' || character === ']') depth--
    else if (depth === 0 && using.startsWith(' WHERE ', at)) return at
  }
  return using.length
}

/**
 * Whether it keeps rows from being doubled before and after, and cannot stay for what is made anew under it: it is built
 * in the transaction in which it goes, since nobody would keep others from doubling rows meanwhile.
 */
export function keepsUnique(part: SchemaObject, context: RuleContext): boolean {
  const id = idOf(part)
  const [before, after] = [context.before(id), context.after(id)]
  if (before === undefined || after === undefined || !context.isDropped(id)) return false
  const { unique, type } = after.properties
  return (
    (unique === true || type === 'unique' || type === 'primary key') &&
    !context.isDropped(part.parent ?? '') &&
    sameJson(before.properties, after.properties)
  )
}

/** The statement that builds it, under `name`. */
export function build(
  part: SchemaObject,
  text: IndexText,
  context: RuleContext,
  name = part.name.at(-1) ?? '',
): Action[] {
  const tableId = part.parent ?? ''
  const only = isPartitioned(tableId, context)
  const waits = !only && !isQuiet(tableId, context)
  const concurrently = waits && !keepsUnique(part, context)
  const sql = createIndexText(part, text, { concurrently, only, name })
  const hazards = [
    ...(concurrently
      ? [hazard('index-build', `The index ${name} is built on ${tableOf(part)} beside the running work.`)]
      : []),
    ...(waits && !concurrently
      ? [hazard('long-lock', `${tableOf(part)} is locked while ${name} is built anew: it keeps rows unique.`)]
      : []),
    ...(text.unique && !context.isNew(tableId)
      ? [hazard('may-fail', `It fails when rows of ${tableOf(part)} are doubled in ${name}.`)]
      : []),
  ]
  // The constraint that it is for comes with a later statement.
  const needs = [
    tableId,
    ...part.dependsOn,
    ...twins(part, context),
    ...(only ? settledPartitions(part, context) : []),
  ]
  if (concurrently) {
    return [
      ...removeInvalid(part, name, context),
      { sql, transactional: false, long: true, lock: 'share update exclusive', hazards, needs },
    ]
  }
  const isNew = context.isNew(tableId)
  // One that is filled when it is made.
  const long = context.after(tableId)?.kind === 'materialized_view' && !isSmall(tableId, context)
  return [{ sql, lock: isNew ? null : 'share', long, hazards, needs }]
}

/** The statement that builds it on a table of the same kind that nobody uses yet, under another name. */
export function buildOn(table: readonly string[], part: SchemaObject, text: IndexText, name: string): string {
  const there = { ...part, name: [...table, name] }
  return createIndexText(there, text, { concurrently: false, only: false, name })
}

/** An earlier build under this name that did not finish. */
function removeInvalid(part: SchemaObject, name: string, context: RuleContext): Action[] {
  const invalid = context.before(part.parent ?? '')?.facts?.['invalidIndexes']
  if (!Array.isArray(invalid) || !invalid.includes(name)) return []
  return [
    {
      sql: `DROP INDEX CONCURRENTLY IF EXISTS ${indexName(part, name)}`,
      transactional: false,
      long: true,
      lock: 'share update exclusive',
    },
  ]
}

/** What follows when the index is there: statistics, CLUSTER, replica identity, attachment to the parent's index. */
export function indexExtras(part: SchemaObject, context: RuleContext): Action[] {
  const { properties } = part
  const statistics = Object.entries((properties['statistics'] ?? {}) as Record<string, number>)
  return [
    ...statistics.map(([column, value]) =>
      brief(`ALTER INDEX ${indexName(part)} ALTER COLUMN ${column} SET STATISTICS ${value}`, {
        lock: 'share update exclusive',
      }),
    ),
    ...(properties['clustered'] === true ? [clusterOn(part)] : []),
    ...(properties['replicaIdentity'] === true ? [replicaIdentity(part)] : []),
    ...attach(part, context),
  ]
}

function clusterOn(part: SchemaObject): Action {
  return brief(`ALTER TABLE ${tableOf(part)} CLUSTER ON ${ident(part.name.at(-1) ?? '')}`, {
    lock: 'share update exclusive',
  })
}

function replicaIdentity(part: SchemaObject): Action {
  return brief(`ALTER TABLE ${tableOf(part)} REPLICA IDENTITY USING INDEX ${ident(part.name.at(-1) ?? '')}`)
}

/** Before it goes: a table without the index that told its rows apart would publish no changes of them. */
export function noReplicaIdentity(part: SchemaObject, context: RuleContext): Action[] {
  const table = context.after(part.parent ?? '')
  const kept = table !== undefined && !context.isNew(idOf(table))
  const other = [table, ...context.partsAfter(part.parent ?? '')].some(
    (one) => one?.properties['replicaIdentity'] !== undefined,
  )
  if (part.properties['replicaIdentity'] !== true || !kept || other) return []
  return [brief(`ALTER TABLE ${tableOf(part)} REPLICA IDENTITY DEFAULT`, { drops: [] })]
}

/** A partition that is attached later brings its indexes along. */
function attach(part: SchemaObject, context: RuleContext): Action[] {
  const attachedTo = textOf(part.properties, 'attachedTo')
  const [parent] = stableParents(part.parent ?? '', context)
  if (attachedTo === undefined || parent === undefined) return []
  const needs = indexIdOf(context.after(parent), attachedTo, context.after)
  const schema = context.after(parent)?.name[0] ?? ''
  const above = context.after(needs ?? '')
  return [
    ...comparedAnew(above === undefined ? [part] : [above, part], context),
    brief(`ALTER INDEX ${quote([schema, attachedTo])} ATTACH PARTITION ${indexName(part)}`, {
      creates: [attachedId(idOf(part))],
      needs: [...(needs === undefined ? [] : [needs]), ...withoutFormer(parent, context)],
    }),
  ]
}

/** Changes that need no new index: the actions, or undefined when it has to be built again. */
export function changeInPlace(
  {
    from,
    to,
    properties,
  }: { readonly from: SchemaObject; readonly to: SchemaObject; readonly properties: readonly string[] },
  context: RuleContext,
): Action[] | undefined {
  const actions: Action[] = []
  for (const property of properties) {
    const change = IN_PLACE[property]?.(from, to, context)
    if (change === undefined) return undefined
    actions.push(...change)
  }
  return actions
}

type InPlace = (from: SchemaObject, to: SchemaObject, context: RuleContext) => Action[] | undefined

const IN_PLACE: Readonly<Record<string, InPlace>> = {
  incomplete: (_, to, context) => (to.properties['incomplete'] === true ? undefined : completed(to, context)),
  attachedTo: (from, to, context) => {
    if (to.properties['attachedTo'] === undefined) return detachedWithTable(to, context)
    if (formerOf(to, context) !== undefined) return undefined
    // No index goes from one of its parent's to another; one that has another name is not there any more.
    const [parent] = stableParents(to.parent ?? '', context)
    const former = textOf(from.properties, 'attachedTo')
    if (parent === undefined || former === undefined) return attach(to, context)
    const other = context.before(indexIdOf(context.before(parent), former, context.before) ?? '')
    if (other === undefined) return attach(to, context)
    return becomes(other, context)?.name.at(-1) === to.properties['attachedTo'] ? [] : undefined
  },
  options: (from, to) => {
    const before = optionsIn(from.properties)
    const after = optionsIn(to.properties)
    const set = Object.entries(after).filter(([name, value]) => before[name] !== value)
    const reset = Object.keys(before).filter((name) => !(name in after))
    const alter = `ALTER INDEX ${indexName(to)}`
    return [
      ...(set.length > 0
        ? [
            brief(`${alter} SET (${optionList(Object.fromEntries(set))})`, {
              lock: 'share update exclusive' as const,
            }),
          ]
        : []),
      ...(reset.length > 0
        ? [
            brief(`${alter} RESET (${reset.map(ident).join(', ')})`, {
              lock: 'share update exclusive' as const,
            }),
          ]
        : []),
    ]
  },
  tablespace: (_, to, context) => {
    const space = textOf(to.properties, 'tablespace')
    const quiet = isQuiet(to.parent ?? '', context)
    return [
      brief(`ALTER INDEX ${indexName(to)} SET TABLESPACE ${ident(space ?? 'pg_default')}`, {
        hazards: quiet
          ? []
          : [hazard('long-lock', `The index ${indexName(to)} is copied to another tablespace.`)],
      }),
    ]
  },
  statistics: (from, to) => {
    const before = (from.properties['statistics'] ?? {}) as Record<string, number>
    const after = (to.properties['statistics'] ?? {}) as Record<string, number>
    const columns = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return columns
      .filter((column) => before[column] !== after[column])
      .map((column) =>
        brief(`ALTER INDEX ${indexName(to)} ALTER COLUMN ${column} SET STATISTICS ${after[column] ?? -1}`),
      )
  },
  clustered: (_, to, context) => {
    if (to.properties['clustered'] === true) return [clusterOn(to)]
    const other = context.partsAfter(to.parent ?? '').some((part) => part.properties['clustered'] === true)
    return other
      ? []
      : [brief(`ALTER TABLE ${tableOf(to)} SET WITHOUT CLUSTER`, { lock: 'share update exclusive' })]
  },
  replicaIdentity: (_, to, context) => {
    if (to.properties['replicaIdentity'] === true) return [replicaIdentity(to)]
    const table = context.after(to.parent ?? '')
    const other = context
      .partsAfter(to.parent ?? '')
      .some((part) => part.properties['replicaIdentity'] === true)
    if (other || table?.properties['replicaIdentity'] !== undefined) return []
    return [brief(`ALTER TABLE ${tableOf(to)} REPLICA IDENTITY DEFAULT`)]
  },
}

/** An index is let go when its table is detached, and only then. */
function detachedWithTable(part: SchemaObject, context: RuleContext): Action[] | undefined {
  return stableParents(part.parent ?? '', context).length === 0 ? [] : undefined
}

/**
 * What a version does on SQLite or MySQL, told by the schemas before and after its statements, and by their words
 * where rows are removed. What is lost is judged by the version as a whole: a table that is made anew and filled from
 * the old one, or a column of the version's own, is no loss.
 */
import { TenantryError } from '../../lib/errors.ts'
import type { Dialect } from '../dialects/dialect.ts'
import { diff } from '../diff/diff.ts'
import { applyRenames, detectRenames, type RenameHint } from '../diff/renames.ts'
import { HAZARDS, type Hazard, type HazardName } from '../plan/hazards.ts'
import { makePlan } from '../plan/make-plan.ts'
import { idOf, indexObjects, type SchemaObject, type Snapshot } from '../snapshot/snapshot.ts'
import type { LintInput, Origin, Saying, StatementPlace, Tried } from './finding.ts'
import { renamedSaying } from './rules/renamed.ts'
import type { Observed, SchemaPlace } from './schema-place.ts'

interface Told {
  readonly saying: Saying
  readonly at: StatementPlace
}

/** What the version as a whole is judged by. */
interface Whole {
  readonly dialect: Dialect
  readonly start: Snapshot
  readonly end: Snapshot
  readonly observed: readonly Seen[]
  /** Ids of what counts as there before it. */
  readonly known: ReadonlySet<string>
  /** Ids of tables that nothing takes long on. */
  readonly small: ReadonlySet<string>
  readonly renames: readonly RenameHint[]
}

interface Seen extends Observed {
  /** What a plan for the same change would name. */
  readonly hazards: readonly Hazard[]
  /** What it gives another name. */
  readonly renames: readonly RenameHint[]
  /** Tables from before the version, by the names in lower case that they have when the statement begins. */
  readonly tables: ReadonlyMap<string, SchemaObject>
}

export async function originOfSchema(place: SchemaPlace): Promise<Origin> {
  return { schema: await place.inspect() }
}

/** @param origin only what is in it counts: the version itself has made the rest */
export async function tryBySchema(
  place: SchemaPlace,
  text: Pick<LintInput, 'sql' | 'firstLine'>,
  origin?: Origin,
): Promise<Tried> {
  const { start, observed, failure, heldBy } = await place.run(text)
  const statements = observed.map(({ statement }) => statement)
  const known = new Set((origin?.schema ?? start).objects.map(idOf))
  return {
    told: sayingsOf(place, start, observed, known).map(({ saying, at: { statement, line } }) => ({
      saying,
      statement,
      line,
    })),
    failure,
    leftOut: [],
    rehearsed: [],
    statements: failure === undefined ? statements : [...statements, failure.statement],
    last: observed.at(-1),
    ...(heldBy === undefined ? {} : { heldBy }),
  }
}

function sayingsOf(
  { dialect, small }: SchemaPlace,
  start: Snapshot,
  observed: readonly Observed[],
  known: ReadonlySet<string>,
): Told[] {
  const end = observed.at(-1)?.after ?? start
  const seen = follow(dialect, start, observed, known)
  const renames = joined(
    dialect,
    start,
    end,
    seen.flatMap((one) => one.renames),
  )
  const whole: Whole = { dialect, start, end, observed: seen, known, small, renames }
  const isRenamed = ({ from }: RenameHint): boolean =>
    known.has(from) && indexObjects(start).has(from) && !indexObjects(end).has(from)
  return [
    ...losses(whole),
    ...seen.flatMap((at) => [
      ...removedRows(whole, at),
      ...blocked(whole, at),
      ...at.renames.filter(isRenamed).map(({ from, to }) => ({
        saying: renamedSaying(`${named(from)} is called ${to} from then on`),
        at,
      })),
    ]),
  ]
}

/** Goes through the statements with the names that the first tables have by then. */
function follow(
  dialect: Dialect,
  start: Snapshot,
  observed: readonly Observed[],
  known: ReadonlySet<string>,
): Seen[] {
  const first = start.objects.filter((one) => one.kind === 'table' && known.has(idOf(one)))
  let tables = new Map(first.map((table) => [(table.name.at(-1) ?? '').toLowerCase(), table]))
  return observed.map((one) => {
    const renames = renamesIn(dialect, one)
    const seen = { ...one, renames, hazards: hazardsOf(dialect, one, renames), tables }
    tables = tablesAfter(seen)
    return seen
  })
}

/** The tables by the names that they have when the statement is done. */
function tablesAfter({ tables, words, renames, before, after }: Seen): Map<string, SchemaObject> {
  const result = new Map(tables)
  const move = (from: string, to: string): void => {
    const table = result.get(from)
    result.delete(from)
    if (table !== undefined) result.set(to, table)
  }
  // Names that change places are in no difference of the schemas.
  if (words[0] === 'rename') {
    for (const [at, word] of words.entries())
      if (word === 'to') move(words[at - 1] ?? '', words[at + 1] ?? '')
    return result
  }
  for (const change of diff(before, after)) {
    if (change.type !== 'drop' || change.from.kind !== 'table') continue
    const name = (change.from.name.at(-1) ?? '').toLowerCase()
    const renamed = renames.find(({ from }) => from === change.id)
    if (renamed === undefined) result.delete(name)
    else move(name, renamed.to.toLowerCase())
  }
  return result
}

function named(id: string): string {
  return id.slice(id.indexOf(':') + 1)
}

/** Where the statement says that it renames, what is gone and what has come are one. */
function renamesIn(dialect: Dialect, { words, before, after }: Observed): RenameHint[] {
  if (before === after || !words.some((word) => word === 'rename' || word === 'change')) return []
  return detectRenames(dialect, before, after).map(({ from, to }) => ({ from, to }))
}

/** Those that lead from the schema at the start to the one at the end; two of the same thing are one. */
function joined(dialect: Dialect, start: Snapshot, end: Snapshot, all: readonly RenameHint[]): RenameHint[] {
  let result: RenameHint[] = []
  for (const hint of all) {
    const tried = [...result, hint]
    if (isPossible(dialect, start, end, tried)) result = tried
  }
  return result
}

function isPossible(dialect: Dialect, start: Snapshot, end: Snapshot, hints: readonly RenameHint[]): boolean {
  try {
    applyRenames(dialect, start, end, hints)
    return true
  } catch (thrown) {
    if (thrown instanceof TenantryError) return false
    throw thrown
  }
}

const BY_THE_WHOLE: readonly HazardName[] = ['data-loss', 'may-fail', 'access-change']

/** What a plan for the same change would name, each at the statement that brings it. */
function losses({ dialect, start, end, observed, known, renames }: Whole): Told[] {
  if (start.fingerprint === end.fingerprint) return []
  const renamed = indexObjects(applyRenames(dialect, start, end, renames).snapshot)
  const isKnown = (id: string): boolean => known.has(id) || (renamed.has(id) && !indexObjects(start).has(id))
  const steps = makePlan(dialect, start, end, { style: 'online' }, renames).steps
  const told = new Set<string>()
  return steps.flatMap(({ hazards, creates, drops, alters }) =>
    hazards
      .filter(({ name, detail }) => {
        if (drops.length > 0 && !drops.some(isKnown)) return false
        const isNew = BY_THE_WHOLE.includes(name) && !told.has(`${name} ${detail}`)
        told.add(`${name} ${detail}`)
        return isNew
      })
      .flatMap((hazard) => {
        const at =
          observed.findLast((one) => one.hazards.some((own) => sameHazard(own, hazard))) ??
          observed.findLast((one) => removes(one, drops)) ??
          observed.findLast((one) => touches(one, [...creates, ...drops, ...alters], start)) ??
          observed.at(-1)
        return at === undefined ? [] : [{ saying: sayingOf(hazard), at }]
      }),
  )
}

/** Whether it drops something called like one of these, and does not only rename it or what it is a part of. */
function removes({ before, after, renames }: Seen, ids: readonly string[]): boolean {
  const renamed = new Set(renames.map(({ from }) => from))
  const called = new Set(ids.map(lastPart))
  return diff(before, after).some(
    (change) =>
      change.type === 'drop' &&
      !renamed.has(change.id) &&
      !renamed.has(change.from.parent ?? '') &&
      called.has(lastPart(change.id)),
  )
}

function touches({ before, after }: Observed, ids: readonly string[], start: Snapshot): boolean {
  const wanted = new Set(ids.flatMap((id) => [id, indexObjects(start).get(id)?.parent ?? id]))
  return diff(before, after).some((change) => change.type !== 'drop' && wanted.has(change.id))
}

/** `column:note` of `column:orders.note`. */
function lastPart(id: string): string {
  return `${id.slice(0, id.indexOf(':'))}:${id.slice(id.lastIndexOf('.') + 1)}`
}

function hazardsOf(
  dialect: Dialect,
  { before, after }: Observed,
  renames: readonly RenameHint[],
): readonly Hazard[] {
  if (before.fingerprint === after.fingerprint) return []
  return makePlan(dialect, before, after, { style: 'online' }, renames).steps.flatMap(
    ({ hazards }) => hazards,
  )
}

function sameHazard(one: Hazard, other: Hazard): boolean {
  return one.name === other.name && one.detail === other.detail
}

function sayingOf({ name, detail }: Hazard): Saying {
  const sentence = /[.!?]$/.test(detail) ? detail : `${detail}.`
  return {
    rule: name,
    hazard: name,
    level: HAZARDS[name].mustAllow ? 'error' : 'warning',
    // What begins with a name keeps its letters.
    message: sentence.replace(
      /^(?:an?|nobody|rows|the|values)\b/,
      (word) => word.charAt(0).toUpperCase() + word.slice(1),
    ),
    instead: INSTEAD[name] ?? null,
  }
}

const INSTEAD: Partial<Record<HazardName, string>> = {
  'data-loss': 'First release the application that does without it, then remove it in a version of its own.',
  'may-fail': 'A dry run finds these tenants before: tenantry rollout start … --dry-run.',
}

function removedRows(whole: Whole, at: Seen): Told[] {
  const [verb] = at.words
  const first = firstNamed(at)
  if (first === undefined) return []
  const { table } = first
  const name = named(idOf(table))
  if (verb === 'delete' || verb === 'truncate') {
    return [loss(at, `${verb === 'delete' ? 'Rows' : 'All rows'} of ${name} are removed.`)]
  }
  const isReplaced = verb === 'drop' && at.words[1] === 'table' && indexObjects(whole.end).has(idOf(table))
  if (!isReplaced || isCopied(whole, at, table)) return []
  return [
    loss(at, `${name} is removed with its rows; the table of this name at the end begins without them.`),
  ]
}

/** Whether a statement before it reads the table, by the name that it had then, to fill another. */
function isCopied({ observed }: Whole, until: Seen, table: SchemaObject): boolean {
  return observed.some(
    ({ words, statement, tables }) =>
      statement < until.statement &&
      words.includes('select') &&
      ['insert', 'replace', 'create', 'with'].includes(words[0] ?? '') &&
      words.some((word) => tables.get(word) === table),
  )
}

function loss(at: Observed, message: string): Told {
  const instead = 'Keep a copy of the rows that may be asked for.'
  return { saying: { rule: 'removed-rows', hazard: 'data-loss', level: 'error', message, instead }, at }
}

/** The first table from before the version that the statement names, and how it is called there. */
function firstNamed({ words, tables }: Seen): { called: string; table: SchemaObject } | undefined {
  const called = words.find((word) => tables.has(word))
  const table = tables.get(called ?? '')
  return called === undefined || table === undefined ? undefined : { called, table }
}

/** Tables that nobody can write to for as long as the statement takes. */
function blocked(whole: Whole, at: Seen): Told[] {
  const first = firstNamed(at)
  if (first === undefined || whole.small.has(idOf(first.table))) return []
  const { called: name, table } = first
  if (at.stopsWriters) {
    const message = `The server cannot do it while others write to ${name}: they wait until it is done.`
    const instead =
      'Do it in a quiet hour, or with a tool that copies beside the running work (gh-ost, pt-online-schema-change).'
    return [{ saying: { rule: 'long-lock', hazard: 'long-lock', level: 'error', message, instead }, at }]
  }
  if (whole.dialect.name !== 'sqlite' || !isWrittenAnew(whole, at, table)) return []
  const message = `${name} is written anew while nobody else can write to the file.`
  const saying = {
    rule: 'table-rewrite',
    hazard: 'table-rewrite',
    level: 'error',
    message,
    instead: null,
  } as const
  return [{ saying, at }]
}

/** SQLite: a column is dropped, or the table is copied to one that takes its place. */
function isWrittenAnew({ end }: Whole, at: Seen, table: SchemaObject): boolean {
  const [verb, object] = at.words
  if (object !== 'table') return false
  if (verb === 'drop') return indexObjects(end).has(idOf(table))
  return verb === 'alter' && at.hazards.some(({ name }) => name === 'table-rewrite')
}

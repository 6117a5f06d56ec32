/** Plans run statement by statement on a real server, with what the server's own books say of each. */
import { Session } from '../../src/engine/session.ts'
import { parseAddress } from '../../src/engine/address.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import { diff } from '../../src/schema/diff/diff.ts'
import { groupsFrom } from '../../src/schema/execute.ts'
import {
  type Books,
  type Relation,
  readBooks,
  STOPS_WRITERS,
  stoppingLock,
} from '../../src/schema/lint/books.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import { LOCK_LEVELS, type Plan, type PlanStep } from '../../src/schema/plan/plan.ts'
import { createDatabase, type TestDatabase } from './postgres.ts'
import type { SharedServer } from './global-setup.ts'

/** Two databases that are emptied for each plan: the one to change, and the one to be like. */
export interface Stage {
  readonly from: TestDatabase
  readonly to: TestDatabase
  readonly source: SchemaSession
  readonly target: SchemaSession
  readonly close: () => Promise<void>
}

export async function openStage(server?: SharedServer): Promise<Stage> {
  const place = server === undefined ? {} : { server }
  const [from, to] = [await createDatabase('stage', place), await createDatabase('stage', place)]
  const [source, target] = [await postgres.connect(from.dsn), await postgres.connect(to.dsn)]
  const close = async (): Promise<void> => {
    await Promise.all([source.close(), target.close()])
    await Promise.all([from.drop(), to.drop()])
  }
  return { from, to, source, target, close }
}

/** What was seen of a plan, names without their schema. */
export interface Seen {
  /** Written anew. */
  readonly rewritten: string[]
  /** Locked against writers while another table was worked through. */
  readonly together: string[]
  /** Worked through while it was locked against writers, and no hazard said so. */
  readonly unnamed: string[]
  /** Hazards that must be allowed. */
  readonly hazards: string[]
  /** What a step says of itself and the server did otherwise. */
  readonly wrong: string[]
  /** Differences that are left. */
  readonly left: string[]
}

/** What a database holds instead of all that it held. */
export async function load(session: SchemaSession, sql: string): Promise<void> {
  await session.query(
    `DROP SCHEMA public CASCADE; CREATE SCHEMA public; SET search_path = public; ${sql}; SET search_path = pg_catalog`,
  )
}

/** Brings tables with rows to where `change` brings them without any plan, and watches. */
export async function watch(
  stage: Stage,
  tables: string,
  rows: string,
  change: string,
): Promise<{ plan: Plan; seen: Seen }> {
  await load(stage.source, `${tables};${rows}`)
  await load(stage.target, `${tables};${change}`)
  const target = await postgres.inspect(stage.target)
  const plan = makePlan(postgres, await postgres.inspect(stage.source), target, { style: 'online' })
  const seen: Seen = { rewritten: [], together: [], unnamed: [], hazards: [], wrong: [], left: [] }
  // As the product's own sessions are.
  const session = await Session.open(parseAddress(stage.from.dsn), { settings: { timezone: 'UTC' } })
  try {
    for (const statement of postgres.preamble) await session.query(statement)
    const existing = new Set((await readBooks(session)).relations.keys())
    for (const { begin, end, transactional } of groupsFrom(plan, 0)) {
      if (transactional) await session.query('begin')
      let before = await readBooks(session)
      for (const step of plan.steps.slice(begin, end)) {
        await session.query(step.sql)
        const after = await readBooks(session)
        if (transactional) look(step, { before, after, existing }, seen)
        before = after
      }
      if (transactional) await session.query('commit')
    }
  } finally {
    session.close()
  }
  seen.left.push(...diff(await postgres.inspect(stage.source), target).map(({ id }) => id))
  return { plan, seen: sorted(seen) }
}

function sorted(seen: Seen): Seen {
  const entries = Object.entries(seen) as [keyof Seen, string[]][]
  return Object.fromEntries(
    entries.map(([name, list]) => [name, [...new Set(list)].toSorted()]),
  ) as unknown as Seen
}

interface Moment {
  readonly before: Books
  readonly after: Books
  /** Oids of what was there before the plan. */
  readonly existing: ReadonlySet<string>
}

function look(step: PlanStep, moment: Moment, seen: Seen): void {
  const { before, after, existing } = moment
  const staying = [...after.relations.values()].filter(
    ({ oid }) => existing.has(oid) && before.relations.has(oid),
  )
  const large = staying.filter(({ kind }) => 'rm'.includes(kind))
  const rewritten = large.filter(({ oid, file }) => before.relations.get(oid)?.file !== file)
  const read = large.filter(({ oid, scans }) => scans > (before.relations.get(oid)?.scans ?? 0))
  const worked = new Set([...rewritten, ...read].map(({ oid }) => oid).concat(builtOn(moment)))
  const locked = staying.filter((one) => 'rmp'.includes(one.kind) && stoppingLock(one) !== undefined)
  const mustAllow = step.hazards
    .map(({ name }) => name)
    .filter((name) => name === 'long-lock' || name === 'table-rewrite')
  seen.rewritten.push(...rewritten.map(bare))
  seen.hazards.push(...mustAllow)
  if (worked.size > 0) {
    // A partitioned table has no rows itself, it is locked with its partitions.
    const others = locked.filter(({ oid, kind }) => !worked.has(oid) && kind !== 'p')
    seen.together.push(...others.map(bare))
    if (mustAllow.length === 0) seen.unnamed.push(...locked.filter(({ oid }) => worked.has(oid)).map(bare))
  }
  seen.wrong.push(...wrongIn(step, staying, before, rewritten.length > 0))
}

/** Tables on which indexes have been built from their rows, with a statement that stops writers. */
function builtOn({ before, after, existing }: Moment): string[] {
  const files = new Set([...before.relations.values()].map(({ file }) => file))
  return [...after.relations.values()]
    .filter(
      ({ kind, file, table }) => kind === 'i' && table !== null && existing.has(table) && !files.has(file),
    )
    .map(({ table }) => table as string)
    .filter((table) => after.relations.get(table)?.kind !== 'p')
}

function wrongIn(step: PlanStep, staying: readonly Relation[], before: Books, rewritten: boolean): string[] {
  const taken = staying.flatMap(({ oid, locks }) =>
    locks.filter((mode) => before.relations.get(oid)?.locks.includes(mode) !== true),
  )
  const strongest = STOPS_WRITERS.findLast((mode) => taken.includes(mode))
  const level = strongest === undefined ? -1 : LOCK_LEVELS.indexOf(levelOf(strongest))
  const said = step.lock === null ? -1 : LOCK_LEVELS.indexOf(step.lock)
  return [
    ...(said < level ? [`${step.lock ?? 'no lock'}, took ${strongest}: ${step.sql}`] : []),
    ...(step.rewrites === rewritten ? [] : [`${rewritten ? 'rewrites' : 'does not rewrite'}: ${step.sql}`]),
  ]
}

function levelOf(mode: string): (typeof LOCK_LEVELS)[number] {
  const words = mode.replace(/Lock$/, '').replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
  return words.toLowerCase() as (typeof LOCK_LEVELS)[number]
}

function bare({ name }: Relation): string {
  return name.replace(/^public\./, '')
}

/**
 * Tries a plan before a tenant is touched: on a scratch database that has the source's schema, the plan is run and
 * the result inspected and compared with the target.
 */
import { messageOf, TenantryError } from '../lib/errors.ts'
import { diff } from './diff/diff.ts'
import type { Dialect, SchemaSession, Scratch } from './dialects/dialect.ts'
import { groupsFrom } from './execute.ts'
import { openLoader } from './operand/load-sql.ts'
import { isMasked, preambleFor } from './plan/masked.ts'
import { makePlan } from './plan/make-plan.ts'
import type { Plan, PlanStep } from './plan/plan.ts'
import { idOf, indexObjects, type SchemaObject, type Snapshot } from './snapshot/snapshot.ts'

/**
 * @param scratch an empty database on a server like the tenant's
 * @param seed statements that put rows into it before the plan is run: they must survive
 * @returns the plan with the fingerprint that the schema has after each of its groups
 * @throws TenantryError `conflict` when the source cannot be rebuilt, a step fails, the result is not the target, or
 * rows are lost that the plan's hazards do not name
 */
export async function provePlan(
  dialect: Dialect,
  scratch: Scratch,
  source: Snapshot,
  target: Snapshot,
  plan: Plan,
  seed: readonly string[] = [],
): Promise<Plan> {
  const place = await preparePlace(dialect, scratch, isMasked(source, target))
  await rebuild(place, source)
  await plant(place, scratch, seed, isMasked(source, target))
  const kept = tablesThatStay(source, target, plan)
  const before = await countRows(place, kept)
  const proved = await rehearse(place, plan)
  const left = diff(await place.inspect(), target)
  if (left.length > 0) {
    throw notProved(
      `after it, ${left.length} differences are left: ${left.map((change) => change.id).join(', ')}`,
    )
  }
  const after = await countRows(place, kept)
  for (const [table, rows] of before) {
    if (after.get(table) !== rows) {
      throw notProved(`${table} had ${rows} rows before it and ${after.get(table)} after`)
    }
  }
  return proved
}

/** Rows are put in as anybody would: names are looked up where they usually are. */
async function plant(
  { dialect }: Place,
  scratch: Scratch,
  seed: readonly string[],
  masked: boolean,
): Promise<void> {
  if (seed.length === 0) return
  const loader = await openLoader(scratch)
  try {
    if (masked) await loader.query(`SET search_path = ${dialect.quote([STAND_IN])}`)
    for (const statement of seed) {
      await loader.query(statement).catch((cause: unknown) => {
        throw new TenantryError('source_invalid', `The seed fails: ${messageOf(cause)} – ${statement}`, {
          cause,
        })
      })
    }
  } finally {
    await loader.close()
  }
}

async function rehearse({ dialect, session, inspect }: Place, plan: Plan): Promise<Plan> {
  const steps: PlanStep[] = [...plan.steps]
  for (const group of groupsFrom(plan, 0)) {
    if (group.transactional) await session.query(dialect.begin)
    for (let at = group.begin; at < group.end; at++) {
      const { sql } = plan.steps[at] as PlanStep
      await session.query(sql).catch((cause: unknown) => {
        throw notProved(`step ${at + 1} fails: ${messageOf(cause)} – ${sql}`, cause)
      })
    }
    if (group.transactional) await session.query('COMMIT')
    const { fingerprint } = await inspect()
    steps[group.end - 1] = { ...(steps[group.end - 1] as PlanStep), after: fingerprint }
  }
  return { ...plan, steps }
}

function tablesThatStay(source: Snapshot, target: Snapshot, plan: Plan): SchemaObject[] {
  const after = indexObjects(target)
  const dropped = new Set(plan.steps.flatMap((step) => step.drops))
  return source.objects.filter(
    (object) => object.kind === 'table' && after.has(idOf(object)) && !dropped.has(idOf(object)),
  )
}

async function countRows(
  { dialect, session }: Place,
  tables: readonly SchemaObject[],
): Promise<Map<string, string>> {
  const counts = new Map<string, string>()
  for (const table of tables) {
    const [row] = await session.query(`SELECT count(*) AS n FROM ${dialect.quote(table.name)}`)
    counts.set(idOf(table), String(row?.['n']))
  }
  return counts
}

/** Where a plan is tried: a scratch database, or one schema of it that stands for a tenant's. */
interface Place {
  readonly dialect: Dialect
  readonly session: SchemaSession
  readonly inspect: () => Promise<Snapshot>
}

const STAND_IN = 'tenant'

async function preparePlace(dialect: Dialect, { session }: Scratch, masked: boolean): Promise<Place> {
  for (const statement of preambleFor(dialect, masked)) await session.query(statement)
  if (!masked) return { dialect, session, inspect: () => dialect.inspect(session) }
  await session.query(`CREATE SCHEMA ${dialect.quote([STAND_IN])}`)
  await session.query(`SET search_path = ${dialect.quote([STAND_IN])}`)
  return { dialect, session, inspect: () => dialect.inspect(session, { maskSchema: STAND_IN }) }
}

/** Builds a schema in an empty database. @throws TenantryError `conflict` when it comes out differently */
export async function buildCopy(dialect: Dialect, scratch: Scratch, source: Snapshot): Promise<void> {
  await rebuild(await preparePlace(dialect, scratch, isMasked(source)), source)
}

/** Builds a schema in an empty place, by the plan that leads from nothing to it, and sees that it is the same. */
async function rebuild({ dialect, session, inspect }: Place, source: Snapshot): Promise<void> {
  for (const step of makePlan(dialect, await inspect(), source, { style: 'plain' }).steps) {
    await session.query(step.sql).catch((cause: unknown) => {
      throw notProved(`the source cannot be rebuilt: ${messageOf(cause)} – ${step.sql}`, cause)
    })
  }
  const left = diff(await inspect(), source)
  if (left.length > 0) {
    const ids = left.map((change) => change.id).join(', ')
    throw notProved(`the source cannot be rebuilt: ${ids} came out differently`)
  }
}

function notProved(why: string, cause?: unknown): TenantryError {
  return new TenantryError('conflict', `The plan is not proved and is not to be run: ${why}.`, { cause })
}

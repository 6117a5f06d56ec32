/** What the fault tests share: seeds, versions that show when they ran twice, waiting for the middle of a rollout. */
import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'vitest'
import { ident, literal } from '../../src/engine/sql.ts'
import { startFleet, type Fleet, type FleetOptions, type WorkerProcess } from './fleet.ts'
import { until } from './wait.ts'

/** A worker that dies is replaced within this time: the issue's promise. */
export const TAKEOVER_MS = 15_000

/** How often each fault is tried with a random seed; without it, the seeds of the normal suite are tried. */
const ROUNDS = Number(process.env['TENANTRY_DRILL_ROUNDS'] ?? 0)
const SEED = process.env['TENANTRY_DRILL_SEED']

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export type Random = () => number

function randomOf(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export function between(random: Random, low: number, high: number): number {
  return low + random() * (high - low)
}

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[Math.floor(random() * items.length)]
  if (item === undefined) throw new Error('there is nothing to pick from')
  return item
}

interface FaultContext {
  readonly seed: number
  readonly random: Random
  /** Runs when the test has ended, the last one given first. */
  readonly after: (clear: () => Promise<unknown> | void) => void
  /** A fleet that is closed when the test has ended. */
  readonly startFleet: (options?: FleetOptions) => Promise<Fleet>
}

type FaultBody = (context: FaultContext) => Promise<void>

/**
 * One fault, tried once per seed: a fixed one in the normal suite; `npm run drill` tries many random ones and names
 * the seed of each, to be tried again with TENANTRY_DRILL_SEED. Tests of one file run side by side: most of their
 * time goes into waiting for a lease to end.
 */
export function faultTest(name: string, body: FaultBody, timeoutMs = 120_000): void {
  const run = (seed: number) => async (context: TestContext) => {
    const after: FaultContext['after'] = (clear) => context.onTestFinished(async () => void (await clear()))
    await body({
      seed,
      random: randomOf(seed),
      after,
      startFleet: async (options) => {
        const fleet = await startFleet(options)
        after(() => fleet.close())
        return fleet
      },
    })
  }
  if (SEED !== undefined) test.concurrent(`${name}, seed ${SEED}`, run(Number(SEED)), timeoutMs)
  else if (ROUNDS === 0) test.concurrent(name, run(1), timeoutMs)
  else {
    for (let round = 0; round < ROUNDS; round += 1) {
      const seed = randomInt(2 ** 31)
      test.concurrent(`${name}, seed ${seed}`, run(seed), timeoutMs)
    }
  }
}

/** A fault that needs a file system of its own; where none can be mounted the test is skipped and named. */
export function mountTest(name: string, body: FaultBody): void {
  if (canMount()) faultTest(name, body)
  else test(name, { skip: true, meta: { missingPrograms: ['the right to mount'] } }, () => undefined)
}

/** @param size as `mount` takes it, e.g. `4m`. */
export function mountMemory(directory: string, size: string): void {
  execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', directory], { stdio: 'pipe' })
}

export function unmount(directory: string): void {
  execFileSync('/bin/umount', [directory], { stdio: 'pipe' })
}

function canMount(): boolean {
  const directory = mkdtempSync(path.join(tmpdir(), 'tenantry-mount-'))
  try {
    mountMemory(directory, '1m')
    unmount(directory)
    return true
  } catch {
    return false
  } finally {
    rmdirSync(directory)
  }
}

/**
 * A fleet of `SIZE` tenants that is made fast: a few databases, and schemas that share one. Two workers that start
 * together each have some of them in hand.
 */
export const MIXED: FleetOptions = {
  tenants: 8,
  schemas: Array.from({ length: 24 }, (_, index) => `s${String(index + 1).padStart(2, '0')}`),
}
export const SIZE = 32

let columns = 0

/**
 * A version that takes `seconds` per tenant, and whose change counts: applied twice to a tenant (or half), it is
 * neither there nor absent, which `expectConsistent` finds.
 */
export async function addSlowVersion(fleet: Fleet, seconds = 0): Promise<string> {
  columns += 1
  const column = ident(`slow_${columns}`)
  const mark = literal(`mark ${columns}`)
  return fleet.addVersion({
    upgrade: `insert into items select max(id) + 1, ${mark} from items;
      select pg_sleep(${seconds}); alter table items add column ${column} integer;`,
    downgrade: `alter table items drop column ${column}; delete from items where name = ${mark};`,
    probe: `select count(*) = 1 and exists (select from pg_attribute where attrelid = 'items'::regclass
      and attname = ${literal(`slow_${columns}`)} and not attisdropped) from items where name = ${mark}`,
  })
}

/** Waits until so many tenants of the rollout are finished, and some are in hand. */
export async function inTheMiddle(fleet: Fleet, rolloutId: string, finished = 1): Promise<void> {
  await until(
    async () => {
      const [row] = await fleet.app.control.query<{ claimed: number; ended: number }>(
        `select count(*) filter (where state = 'claimed') as claimed,
           count(*) filter (where state in ('succeeded', 'failed')) as ended
         from tenantry.rollout_targets where rollout_id = $1`,
        [rolloutId],
      )
      return row !== undefined && row.claimed > 0 && row.ended >= finished
    },
    { what: `${finished} tenants to be finished and some in hand`, timeoutMs: 20_000 },
  )
}

/** The worker's id in the control database, by its process. */
export async function workerIdOf(fleet: Fleet, worker: WorkerProcess): Promise<string> {
  const [row] = await fleet.app.control.query<{ id: string }>(
    'select id from tenantry.workers where pid = $1 order by started_at desc limit 1',
    [worker.pid],
  )
  if (row === undefined) throw new Error(`process ${worker.pid} is not registered as a worker`)
  return row.id
}

/** The worker that runs the rollout's controller now. */
export async function controllerOf(fleet: Fleet, rolloutId: string): Promise<string> {
  return until(
    async () => {
      const [row] = await fleet.app.control.query<{ worker_id: string | null }>(
        `select worker_id from tenantry.operations where id = $1 and state = 'running'`,
        [rolloutId],
      )
      return row?.worker_id ?? undefined
    },
    { what: 'a worker to run the controller' },
  )
}

/** Tenants that a worker has in hand. */
export async function inHandOf(fleet: Fleet, rolloutId: string, workerId: string): Promise<number[]> {
  const rows = await fleet.app.control.query<{ tenant_id: number }>(
    'select tenant_id from tenantry.rollout_targets where rollout_id = $1 and claimed_by = $2',
    [rolloutId, workerId],
  )
  return rows.map((row) => row.tenant_id)
}

/** Milliseconds on the control database's clock. */
export async function databaseTime(fleet: Fleet): Promise<number> {
  const [row] = await fleet.app.control.query<{ ms: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms',
  )
  return row?.ms ?? 0
}

/** When the last of these tenants was finished, in milliseconds on the control database's clock. */
export async function lastFinished(
  fleet: Fleet,
  rolloutId: string,
  tenantIds: readonly number[],
): Promise<number> {
  const [row] = await fleet.app.control.query<{ ms: number | null }>(
    `select (extract(epoch from max(finished_at)) * 1000)::float8 as ms from tenantry.rollout_targets
     where rollout_id = $1 and tenant_id = any($2::bigint[])`,
    [rolloutId, tenantIds],
  )
  if (row?.ms == null) throw new Error('none of them is finished')
  return row.ms
}

/** Measured takeovers are part of what a run shows. */
export function reportTakeover(what: string, seed: number, ms: number): void {
  console.log(`takeover ${(ms / 1000).toFixed(1)} s after kill -9 of ${what} (seed ${seed})`)
}

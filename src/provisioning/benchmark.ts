/** Measuring rollouts on this very installation: databases made, changed, counted, removed. */
import { randomUUID } from 'node:crypto'
import type { Control } from '../control/control.ts'
import type { OperationContext, OperationHandler } from '../control/operations/operation.ts'
import { getOperation, hasEnded } from '../control/operations/read.ts'
import { enqueueOperation } from '../control/operations/store.ts'
import { TenantryError } from '../lib/errors.ts'

export interface BenchmarkInput {
  readonly server: string
  readonly databaseCounts: readonly number[]
  readonly schemaTypes: readonly ChangeKind[]
  readonly maxConnections: number
}

export type ChangeKind = 'simple' | 'medium' | 'complex'

/** What is measured of one rollout. */
export interface Measurement {
  readonly databases: number
  readonly schemaType: ChangeKind
  readonly seconds: number
  readonly tenantsPerSecond: number
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  readonly failed: number
}

/** Rolls `sql` out to the tenants of `selector`; given by the caller, since rollouts stand above this room. */
export type MeasureRollout = (input: {
  name: string
  sql: string
  selector: string
  maxConnections: number
  signal: AbortSignal
}) => Promise<Omit<Measurement, 'databases' | 'schemaType'>>

const MAX_DATABASES = 10_000

/** One kind of change each: a column; a table with an index; tables, an index, a backfill and a constraint. */
function benchmarkSql(kind: ChangeKind, name: string): string {
  switch (kind) {
    case 'simple':
      return `alter table customers add column ${name} integer`
    case 'medium':
      return `create table ${name} (id bigint generated always as identity primary key, note text not null, at timestamptz not null default now());
create index ${name}_at on ${name} (at)`
    case 'complex':
      return `create table ${name}_groups (id bigint generated always as identity primary key, name text not null unique);
create table ${name}_members (group_id bigint not null references ${name}_groups, customer_id bigint not null references customers, primary key (group_id, customer_id));
create index ${name}_members_customer on ${name}_members (customer_id);
alter table customers add column ${name} text;
update customers set ${name} = lower(email);
alter table customers alter column ${name} set not null`
  }
}

/** @throws TenantryError `invalid_input` for more databases than make sense. */
export function checkBenchmark(input: BenchmarkInput): void {
  const largest = Math.max(...input.databaseCounts)
  if (largest > MAX_DATABASES) {
    throw new TenantryError(
      'invalid_input',
      `A benchmark makes at most ${MAX_DATABASES} databases, not ${largest}.`,
    )
  }
}

/** Kind `benchmark`. */
export function benchmarkHandler(control: Control, measure: MeasureRollout): OperationHandler {
  return {
    async run(context) {
      const input = context.operation.input as unknown as BenchmarkInput
      const prefix = `bench_${context.operation.id.slice(0, 8)}_`
      const largest = Math.max(...input.databaseCounts)
      await context.step('databases', async () => {
        await child(control, context, 'simulate', {
          server: input.server,
          count: largest,
          prefix,
          startId: 1,
        })
        return null
      })
      const results: Measurement[] = []
      for (const databases of input.databaseCounts) {
        for (const schemaType of input.schemaTypes) {
          const name = `b${databases}_${schemaType}`
          results.push(
            await context.step(name, async () => {
              const selector = selectorFor(prefix, databases)
              const sql = benchmarkSql(schemaType, name)
              const measured = await measure({
                name,
                sql,
                selector,
                maxConnections: input.maxConnections,
                signal: context.signal,
              })
              return { databases, schemaType, ...measured }
            }),
          )
          await context.progress({
            total: input.databaseCounts.length * input.schemaTypes.length,
            completed: results.length,
            results,
          })
        }
      }
      await context.step('cleanup', async () => {
        await child(control, context, 'simulate-cleanup', { prefix })
        return null
      })
      return { state: 'succeeded', result: { results } }
    },
  }
}

function selectorFor(prefix: string, databases: number): string {
  return `name:${Array.from({ length: databases }, (_, index) => `${prefix}${index + 1}`).join(',')}`
}

/** Runs another operation and waits for it. */
async function child(
  control: Control,
  context: OperationContext,
  kind: string,
  input: Record<string, unknown>,
): Promise<void> {
  const started = await enqueueOperation(control, {
    id: randomUUID(),
    kind,
    input,
    createdBy: `operation:${context.operation.id}`,
  })
  for (;;) {
    context.signal.throwIfAborted()
    const operation = await getOperation(control, started.id)
    if (operation.state === 'succeeded') return
    if (hasEnded(operation)) {
      throw new TenantryError(
        'internal',
        `The benchmark's ${kind} ${operation.state}: ${operation.error?.message ?? 'no reason given'}`,
      )
    }
    await context.sleep(100)
  }
}

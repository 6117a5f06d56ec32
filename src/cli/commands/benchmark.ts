import type { Command } from 'commander'
import { usageError } from '../errors.ts'
import { duration, rate } from '../format.ts'
import { action } from '../action.ts'
import { readCount, repeatable, withKey, withWait, type RepeatOptions, type WaitOptions } from '../options.ts'
import type { View } from '../output.ts'

interface RunOptions extends WaitOptions, RepeatOptions {
  readonly counts: number[]
  readonly types: ('simple' | 'medium' | 'complex')[]
  readonly maxConnections?: number
  readonly server?: string
}

/** As the operation keeps it. */
interface Measurement {
  readonly databases: number
  readonly schemaType: string
  readonly seconds: number
  readonly tenantsPerSecond: number
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  readonly failed: number
}

const VIEW: View<Measurement> = {
  name: (row) => `${row.databases}/${row.schemaType}`,
  columns: [
    { title: 'DATABASES', value: (row) => row.databases, right: true },
    { title: 'CHANGE', value: (row) => row.schemaType },
    { title: 'TOOK', value: (row) => duration(row.seconds * 1000), right: true },
    { title: 'RATE', value: (row) => rate(row.tenantsPerSecond), right: true },
    { title: 'P50', value: (row) => duration(row.p50Ms), right: true },
    { title: 'P95', value: (row) => duration(row.p95Ms), right: true },
    { title: 'P99', value: (row) => duration(row.p99Ms), right: true },
    { title: 'FAILED', value: (row) => row.failed, right: true },
  ],
}

function readCounts(text: string): number[] {
  return text.split(',').map((part) => readCount(part.trim()))
}

function readTypes(text: string): string[] {
  return text.split(',').map((part) => part.trim())
}

export function define(benchmark: Command): void {
  withKey(
    withWait(
      benchmark.command('run').description('Make databases, roll changes out to them, measure, remove them'),
    ),
  )
    .option('--counts <list>', 'how many databases', readCounts, [10, 50, 100])
    .option('--types <list>', 'changes: simple, medium, complex', readTypes, ['simple'])
    .option('--max-connections <n>', 'most connections to the server', readCount)
    .option('--server <name>', 'where; may be left out when there is only one')
    .action(
      action<RunOptions>(async (cli, options) => {
        const { followOperation } = await import('../operations.ts')
        const { EXIT } = await import('../errors.ts')
        const api = await cli.api()
        const body = {
          database_counts: options.counts,
          schema_types: options.types,
          max_connections: options.maxConnections,
          server: options.server,
        }
        const started = await api.call(api.at('benchmark.run'), { body, ...repeatable(options) })
        if (options.wait === false) {
          cli.output.value(started, started.operation_id)
          return EXIT.ok
        }
        const ended = await followOperation(cli, api, started.operation_id, options)
        if (ended === undefined) return EXIT.interrupted
        cli.output.list(measurementsOf(ended), VIEW, { body: ended })
        return EXIT.ok
      }),
    )
  benchmark
    .command('show [operation]')
    .description('Show the figures of a benchmark, the last one when none is named')
    .action(
      action(async (cli, _options, id) => {
        const api = await cli.api()
        const last =
          id ??
          (await api.call(api.at('operations.list'), { query: { kind: 'benchmark', limit: 1 } })).items[0]?.id
        if (last === undefined)
          throw usageError('There is no benchmark yet.', 'Run one: tenantry benchmark run')
        const found = await api.call(api.at('operations.show'), { params: { id: last } })
        cli.output.list(measurementsOf(found), VIEW, {
          body: found,
          empty: `The benchmark ${last} is ${found.state} and has no figures yet.`,
        })
      }),
    )
}

function measurementsOf(operation: {
  progress: Record<string, unknown>
  result: Record<string, unknown> | null
}): Measurement[] {
  return (operation.result?.['results'] ?? operation.progress['results'] ?? []) as Measurement[]
}

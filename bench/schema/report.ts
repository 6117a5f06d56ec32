/** What was measured, as tables. */
import type { AuditRow, PlanRow, SizeRow } from './figures.ts'

export function printTables(
  sizes: readonly SizeRow[],
  plans: readonly PlanRow[],
  audit: readonly AuditRow[],
): string {
  const parts = [
    'Reading and comparing (milliseconds, medians)',
    table(
      [
        'tables',
        'objects',
        'inspect',
        'pg_dump -s',
        'ratio',
        'CPU',
        'CPU pg_dump',
        'inspect, whole program',
        'diff',
        'plan',
        'steps',
        'memory',
      ],
      sizes.map((row) => [
        row.tables,
        row.objects,
        ms(row.inspectMs),
        ms(row.pgDumpMs),
        (row.inspectMs / row.pgDumpMs).toFixed(2),
        ms(row.inspectCpuMs),
        ms(row.pgDumpCpuMs),
        ms(row.cliMs),
        ms(row.diffMs),
        ms(row.planMs),
        row.steps,
        `${row.memoryMb.toFixed(0)} MB`,
      ]),
    ),
    'From two databases to a plan (seconds, whole programs)',
    table(
      ['tables', 'program', 'seconds', ''],
      plans.map((row) => [row.tables, row.name, row.seconds?.toFixed(2) ?? 'failed', row.why]),
    ),
    'Auditing a fleet',
    table(
      ['program', 'connections', 'tenants/s', 'of the same query in C', 'of connecting in C'],
      audit.map((row) => [
        row.name,
        row.concurrency,
        row.tenantsPerSecond.toFixed(0),
        row.ofSameQuery?.toFixed(2) ?? '',
        row.ofConnecting.toFixed(2),
      ]),
    ),
  ]
  return `${parts.join('\n\n')}\n`
}

function ms(value: number): string {
  return value < 10 ? value.toFixed(1) : value.toFixed(0)
}

function table(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [titles, ...rows].map((row) => row.map(String))
  const widths = titles.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

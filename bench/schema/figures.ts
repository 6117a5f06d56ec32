/** What is measured, and how figures of several rounds become one. */
export interface SizeRow {
  readonly tables: number
  readonly objects: number
  /** Milliseconds, medians. */
  readonly inspectMs: number
  readonly cliMs: number
  readonly pgDumpMs: number
  /** CPU of client and server together, which other work on the machine does not change. */
  readonly inspectCpuMs: number
  readonly pgDumpCpuMs: number
  readonly diffMs: number
  readonly planMs: number
  readonly steps: number
  /** Of a process that inspects once, over one that inspects an empty database. */
  readonly memoryMb: number
}

export interface PlanRow {
  readonly tables: number
  readonly name: string
  /** Null: it failed, and why. */
  readonly seconds: number | null
  readonly why: string
}

export interface AuditRow {
  readonly name: string
  readonly concurrency: number
  readonly tenantsPerSecond: number
  /** The median of what each round reached of the C program that asks the same; null where there is none. */
  readonly ofSameQuery: number | null
  /** The same of the C program that connects to each and asks nothing. */
  readonly ofConnecting: number
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return Number.isInteger(middle)
    ? ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
    : (sorted[Math.floor(middle)] ?? 0)
}

/** Options that many commands share, and how their values are read. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { SERVER_KINDS, type ServerKind } from '../engine/address.ts'
import { FORMATS, type Format } from './output.ts'

export interface GlobalOptions {
  readonly output?: Format
  readonly url?: string
  readonly tokenFile?: string
  readonly color?: boolean
  readonly quiet?: boolean
}

export interface WaitOptions {
  readonly wait?: boolean
  /** Milliseconds. */
  readonly timeout?: number
}

export interface RepeatOptions {
  readonly idempotencyKey?: string
}

export function addGlobalOptions(program: Command): void {
  program
    .addOption(new Option('-o, --output <format>', 'how results are printed').choices(FORMATS))
    .option('--url <url>', 'where the API is')
    .option('--token-file <file>', 'file with the token')
    .option('--no-color', 'no colours')
    .option('-q, --quiet', 'no messages beside the result')
}

/** `--wait`, `--no-wait`, `--timeout`. */
export function withWait(command: Command, about = 'wait until it has ended'): Command {
  return command
    .option('--wait', about)
    .option('--no-wait', 'return at once')
    .option(
      '--timeout <time>',
      'stop waiting after this time, e.g. 90s or 10m (exit code 7; the work goes on)',
      readDuration,
    )
}

export function withReason(command: Command): Command {
  return command.option('--reason <text>', 'why; kept in the audit log')
}

export function withYes(command: Command): Command {
  return command.option('-y, --yes', 'do not ask')
}

/** For commands that start something: repeated with the same key they start it once. */
export function withKey(command: Command): Command {
  return command.option('--idempotency-key <key>', 'repeating the command with the same key does it once')
}

export function withLimit(command: Command): Command {
  return command.option('--limit <n>', 'how many at most; 0 for all', readCount, 100)
}

/** The part of a call that `--idempotency-key` gives. */
export function repeatable({ idempotencyKey }: RepeatOptions): { idempotencyKey?: string } {
  return idempotencyKey === undefined ? {} : { idempotencyKey }
}

/** `90s`, `10m`, `1h`, `7d`, `500ms` → milliseconds. */
/** A day, or a moment of it with its time zone, that is still to come. */
export function readMoment(text: string): Date {
  const moment = new Date(text)
  if (!/^\d{4}-\d{2}-\d{2}(?:T.+)?$/.test(text) || Number.isNaN(moment.getTime()))
    throw new InvalidArgumentError('Write a day, 2026-12-31, or a moment, 2026-12-31T12:00Z.')
  if (moment.getTime() <= Date.now()) throw new InvalidArgumentError('That is over.')
  return moment
}

export function readDuration(text: string): number {
  const [, digits, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|min|h|d)$/.exec(text) ?? []
  const factor = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }[unit ?? '']
  if (digits === undefined || factor === undefined)
    throw new InvalidArgumentError('It is not a time such as 90s, 10m or 7d.')
  return Number(digits) * factor
}

export function readCount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is not a whole number.')
  return Number(text)
}

export function readPercent(text: string): number {
  const value = Number(text.replace(/%$/, ''))
  if (!(value >= 0 && value <= 100) || text === '')
    throw new InvalidArgumentError('It is not a percentage from 0 to 100.')
  return value
}

/** A version id, or `latest`. */
export function readVersion(text: string): string {
  if (text !== 'latest' && !/^\d{8}_\d{6}$/.test(text)) {
    throw new InvalidArgumentError('It is not a version id (YYYYMMDD_HHMMSS) or latest.')
  }
  return text
}

/** What the SQL of a version is written in. */
export function readDialect(text: string): ServerKind {
  const dialect = SERVER_KINDS.find((kind) => kind === text)
  if (dialect === undefined) throw new InvalidArgumentError('It is postgres, mysql or sqlite.')
  return dialect
}

/** Id of a rollout or an operation. */
export function readId(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    throw new InvalidArgumentError('It is not an id such as 3f2a9c01-7c1e-4b7a-9d57-2f1f0b0c9a11.')
  }
  return text
}

/** Gathers `name=value` given once or more often. */
export function readLabel(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('It is not of the form name=value.')
  return { ...before, [name]: value }
}

/** Gathers a value given once or more often. */
export function readMany(text: string, before: readonly string[] = []): string[] {
  return [...before, text]
}

/** Gathers values with commas between them, given once or more often. */
export function readList(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(',').map((part) => part.trim())].filter((part) => part !== '')
}

/** `host:port` */
export function readAddress(text: string): { host: string; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? []
  if (host === undefined || port === undefined)
    throw new InvalidArgumentError('It is not of the form host:port.')
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: Number(port) }
}

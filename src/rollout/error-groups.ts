/** Grouping of errors: a thousand tenants that fail for one reason are one line. */
import { createHash } from 'node:crypto'

const MAX_ERROR_LENGTH = 2_000

/** What is stored of an error: bounded, without control characters that could fool a terminal. */
export function storedMessage(message: string): string {
  // oxlint-disable-next-line no-control-regex
  const clean = message.replaceAll(/[\u0000-\u0008\u000B-\u001F\u007F-\u009F]/g, '\uFFFD')
  return clean.length > MAX_ERROR_LENGTH ? `${clean.slice(0, MAX_ERROR_LENGTH)}…` : clean
}

/** The same for errors that differ only in values: numbers, quoted values of data, the tenant's own names. */
export function errorGroupOf(sqlstate: string, message: string, names: readonly string[]): string {
  let shape = message.slice(0, MAX_ERROR_LENGTH)
  for (const name of names) {
    if (name !== '') shape = shape.replaceAll(asWord(name), '<tenant>')
  }
  shape = shape.replaceAll(/'[^']*'|=\([^)]*\)/g, '<value>').replaceAll(/\d+/g, '#')
  return createHash('sha256').update(`${sqlstate}\0${shape}`).digest('hex').slice(0, 12)
}

/** Finds a name where it stands by itself: a tenant called `a` must not tear every word apart. */
export function asWord(name: string): RegExp {
  const escaped = name.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)
  return new RegExp(String.raw`(?<![\p{L}\p{N}_])${escaped}(?![\p{L}\p{N}_])`, 'gu')
}

/** Files with tenants: CSV with a header, JSON, or JSON lines. */
import { extname } from 'node:path'
import { TenantryError, messageOf } from '../lib/errors.ts'
import { readText } from './secret-input.ts'

export interface TenantEntry {
  readonly name: string
  readonly server: string
  readonly database: string
  readonly schema?: string
  readonly labels?: Record<string, string>
}

/** Columns of a CSV file that are no labels. */
const PLACE_COLUMNS = new Set(['name', 'server', 'database', 'schema'])

/**
 * Reads entries. In CSV, columns other than name, server, database and schema are labels; `server` fills in where
 * an entry names none; the database is called like the tenant where none is named.
 * @throws TenantryError `invalid_input` with the line.
 */
export async function readTenantFile(file: string, server: string | undefined): Promise<TenantEntry[]> {
  const text = (await readText(file)).replace(/^\uFEFF/, '')
  const rows =
    extname(file) === '.csv' || (file === '-' && !/^\s*[[{]/.test(text))
      ? fromCsv(file, text)
      : fromJson(file, text)
  return rows.map((row, index) => entryOf(file, index + 1, row, server))
}

function entryOf(
  file: string,
  number: number,
  row: Record<string, unknown>,
  server: string | undefined,
): TenantEntry {
  const field = (name: string): string | undefined => {
    const value = row[name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  const name = field('name')
  const home = field('server') ?? server
  if (name === undefined || home === undefined) {
    throw invalid(file, `entry ${number} has no ${name === undefined ? 'name' : 'server'}`)
  }
  const schema = field('schema')
  const labels = row['labels'] as Record<string, string> | undefined
  return {
    name,
    server: home,
    database: field('database') ?? name,
    ...(schema === undefined ? {} : { schema }),
    ...(labels === undefined ? {} : { labels }),
  }
}

function fromJson(file: string, text: string): Record<string, unknown>[] {
  try {
    const lines = extname(file) === '.jsonl'
    const value: unknown = lines
      ? text
          .split('\n')
          .filter((line) => line.trim() !== '')
          .map((line) => JSON.parse(line) as unknown)
      : JSON.parse(text)
    const list = Array.isArray(value)
      ? value
      : ((value as { tenants?: unknown; items?: unknown }).tenants ?? (value as { items?: unknown }).items)
    if (Array.isArray(list)) return list as Record<string, unknown>[]
  } catch (cause) {
    throw invalid(file, `is not JSON: ${messageOf(cause)}`)
  }
  throw invalid(file, 'has no list of tenants')
}

function fromCsv(file: string, text: string): Record<string, unknown>[] {
  const [header, ...rows] = parseCsv(text)
  if (header === undefined || !header.includes('name'))
    throw invalid(file, 'has no header line with a column "name"')
  return rows.map((row, index) => {
    if (row.length !== header.length) {
      throw invalid(file, `row ${index + 1} has ${row.length} fields, the header has ${header.length}`)
    }
    const pairs = header.map((column, position) => [column, row[position] ?? ''] as const)
    const labels = pairs.filter(([column, value]) => !PLACE_COLUMNS.has(column) && value !== '')
    return { ...Object.fromEntries(pairs), labels: Object.fromEntries(labels) }
  })
}

/** Rows of RFC 4180 text; empty lines are left out. */
export function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  let row: string[] = []
  // A field in quotes (with doubled quotes inside), or a plain one; then what ends it.
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r?\n|$)/g)) {
    const [whole, quoted, plain = '', end] = match
    if (whole === '' && row.length === 0) break
    row.push(quoted?.replaceAll('""', '"') ?? plain)
    if (end === ',') continue
    if (row.length > 1 || row[0] !== '') rows.push(row)
    row = []
    if (end === '') break
  }
  return rows
}

function invalid(file: string, problem: string): TenantryError {
  return new TenantryError('invalid_input', `${file} ${problem}.`, {
    nextSteps: ['Example, as CSV: a header line "name,server,database,plan", then "acme,pg-1,cmp_acme,free"'],
  })
}

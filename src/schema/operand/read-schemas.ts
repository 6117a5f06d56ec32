/** Snapshots of whatever schemas are taken from; one door for every command that compares. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { messageOf, TenantryError } from '../../lib/errors.ts'
import type { InspectOptions } from '../dialects/dialect.ts'
import { dialectNamed } from '../dialects/index.ts'
import { withoutMeasures, type DialectName, type Snapshot } from '../snapshot/snapshot.ts'
import { withLogin } from './login.ts'
import { labelOf, parseOperand, type Operand } from './operand.ts'
import type { Shadows } from './shadows.ts'

export interface Schema {
  readonly snapshot: Snapshot
  /** What it was taken from, without a password. */
  readonly label: string
  /** Of a database. */
  readonly url?: string
}

export interface ReadOptions {
  /** What SQL is written for, where nothing else tells. */
  readonly dialect?: DialectName | undefined
  readonly inspect?: InspectOptions
  readonly shadows: Shadows
  /** The whole of standard input. */
  readonly stdin: () => Promise<string>
  /** Looks up `snapshot:NAME`. */
  readonly stored: (reference: string) => Promise<Snapshot>
  /** Asks the service for `tenant:NAME`. */
  readonly tenant: (name: string) => Promise<Snapshot>
  /** Asks the service for `version:ID`. */
  readonly version: (id: string) => Promise<Snapshot | SchemaText>
}

/** SQL that makes a schema. */
export interface SchemaText {
  readonly dialect?: DialectName
  readonly sql: string
}

/**
 * The schemas of operands, in order.
 * @throws TenantryError `invalid_input` for operands that cannot be read or are of different dialects;
 *   `source_invalid` for SQL that its database refuses; `server_unreachable`, `server_refused`
 */
export async function readSchemas(texts: readonly string[], options: ReadOptions): Promise<Schema[]> {
  const operands = await Promise.all(texts.map(parseOperand))
  if (operands.filter(({ type }) => type === 'stdin').length > 1) {
    throw new TenantryError('invalid_input', 'Standard input can be read once only.', {
      nextSteps: ['Put what else is there into a file.'],
    })
  }
  // What tells its dialect goes first: SQL is loaded into a database of that kind.
  const known = new Map<Operand, Schema>()
  const waiting: { operand: Operand; text: SchemaText | undefined }[] = []
  await Promise.all(
    operands.map(async (operand) => {
      const given = await readGiven(operand, options)
      const text = given !== undefined && 'sql' in given ? given : undefined
      const schema =
        given !== undefined && 'fingerprint' in given
          ? { snapshot: given, label: labelOf(operand) }
          : await readTelling(operand, text?.sql, options)
      if (schema === undefined) waiting.push({ operand, text })
      else known.set(operand, schema)
    }),
  )
  const [told] = known.values()
  const said = waiting.find(({ text }) => text?.dialect !== undefined)?.text?.dialect
  const dialect = told?.snapshot.dialect ?? said ?? options.dialect ?? 'postgres'
  await Promise.all(
    waiting.map(async ({ operand, text }) => {
      known.set(operand, await loadOperand(operand, text?.sql, dialect, told?.url, options))
    }),
  )
  const schemas = operands.map((operand) => known.get(operand) as Schema)
  refuseMixture(schemas)
  return schemas
}

/** What has to be asked for; undefined for what is at hand. */
async function readGiven(operand: Operand, options: ReadOptions): Promise<Snapshot | SchemaText | undefined> {
  switch (operand.type) {
    case 'stdin':
      return { sql: await options.stdin() }
    case 'stored':
      return options.stored(operand.reference)
    case 'tenant':
      return options.tenant(operand.name)
    case 'version':
      return options.version(operand.name)
    default:
      return undefined
  }
}

/** A schema that is one already; undefined for SQL. */
async function readTelling(
  operand: Operand,
  text: string | undefined,
  options: ReadOptions,
): Promise<Schema | undefined> {
  const label = labelOf(operand)
  switch (operand.type) {
    case 'database':
      return readDatabase(operand.dialect, operand.url, options.inspect)
    case 'snapshot':
      return { snapshot: await parse(await readText(operand.file), label), label }
    case 'stdin':
      return text?.trimStart().startsWith('{') === true
        ? { snapshot: await parse(text, label), label }
        : undefined
    default:
      return undefined
  }
}

async function readDatabase(name: DialectName, url: string, inspect?: InspectOptions): Promise<Schema> {
  const dialect = await dialectNamed(name)
  const session = await dialect.connect(await withLogin(url))
  try {
    return { snapshot: await dialect.inspect(session, inspect), label: session.label, url }
  } finally {
    await session.close()
  }
}

async function loadOperand(
  operand: Operand,
  text: string | undefined,
  name: DialectName,
  besideUrl: string | undefined,
  options: ReadOptions,
): Promise<Schema> {
  const { loadSql } = await import('./load-sql.ts')
  const dialect = await dialectNamed(name)
  const statements = await statementsOf(operand, text, name)
  const shadow = await options.shadows.empty(dialect, besideUrl)
  await loadSql(dialect, shadow, statements)
  // A session of its own: the SQL may have changed settings of the one that loaded it.
  const { snapshot } = await readDatabase(name, shadow.url, options.inspect)
  // Where it was loaded nothing has rows; where it is meant for everything may.
  return { snapshot: withoutMeasures(snapshot), label: labelOf(operand) }
}

async function statementsOf(
  operand: Operand,
  text: string | undefined,
  dialect: DialectName,
): Promise<{ text: string; place: string }[]> {
  const { readSql } = await import('./sql-text.ts')
  if (operand.type === 'sql') return readSql(dialect, operand.path)
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-stdin-'))
  try {
    const file = path.join(folder, 'stdin.sql')
    await writeFile(file, text ?? '')
    const statements = await readSql(dialect, file)
    return statements.map((one) => ({ ...one, place: one.place.replace(file, labelOf(operand)) }))
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function parse(text: string, label: string): Promise<Snapshot> {
  const { parseSnapshot } = await import('../snapshot/snapshot-text.ts')
  return parseSnapshot(text, label)
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new TenantryError('invalid_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

function refuseMixture(schemas: readonly Schema[]): void {
  const [first, second] = schemas
  if (first === undefined || second === undefined) return
  if (first.snapshot.dialect === second.snapshot.dialect) return
  throw new TenantryError(
    'invalid_input',
    `${first.label} is ${first.snapshot.dialect} and ${second.label} is ${second.snapshot.dialect}: they cannot be compared.`,
    { nextSteps: ['Compare two schemas of the same kind of database.'] },
  )
}

/** What a schema can be taken from: a database, a snapshot, SQL to load. Told by how it is written. */
import { open, stat } from 'node:fs/promises'
import { TenantryError } from '../../lib/errors.ts'
import type { DialectName } from '../snapshot/snapshot.ts'

export type Operand =
  | { readonly type: 'database'; readonly dialect: DialectName; readonly url: string }
  | { readonly type: 'snapshot'; readonly file: string }
  | { readonly type: 'stored'; readonly reference: string }
  /** Of a running service: a tenant as it is, a version as it leads to. */
  | { readonly type: 'tenant' | 'version'; readonly name: string }
  /** A file, a folder of files, or models that print their SQL. */
  | { readonly type: 'sql'; readonly path: string }
  | { readonly type: 'stdin' }

const SCHEMES: Readonly<Record<string, DialectName>> = {
  postgres: 'postgres',
  postgresql: 'postgres',
  mysql: 'mysql',
  mariadb: 'mysql',
  sqlite: 'sqlite',
  sqlite3: 'sqlite',
  file: 'sqlite',
}

const SQLITE_HEADER = 'SQLite format 3\0'

const KINDS = [
  'a database: postgres://…, mysql://…, mariadb://…, sqlite:FILE',
  'a snapshot: FILE.json, or snapshot:NAME from the store',
  'SQL that makes the schema: FILE.sql, a folder of such files, or - for standard input',
  'what a running service knows: tenant:NAME, version:ID',
]

/**
 * Reads an operand; files are looked into, as their first bytes tell what they are.
 * @throws TenantryError `invalid_input` for another scheme, or a file that is not there
 */
export async function parseOperand(text: string): Promise<Operand> {
  if (text === '-') return { type: 'stdin' }
  if (text.startsWith('snapshot:')) return { type: 'stored', reference: text.slice('snapshot:'.length) }
  const [, type, name] = /^(tenant|version):(.+)$/s.exec(text) ?? []
  if ((type === 'tenant' || type === 'version') && name !== undefined) return { type, name }
  const [, scheme = ''] = /^([a-z][a-z0-9+]*):/i.exec(text) ?? []
  const dialect = SCHEMES[scheme.toLowerCase()]
  if (dialect !== undefined) return { type: 'database', dialect, url: text }
  if (text.includes('://')) {
    throw new TenantryError('invalid_input', `${withoutPassword(text)} is no database that Tenantry knows.`, {
      nextSteps: KINDS,
    })
  }
  const facts = await stat(text).catch(absent)
  if (facts?.isDirectory() === true) return { type: 'sql', path: text }
  if (facts !== undefined) return operandOfFile(text, await firstBytes(text))
  // Models of SQLAlchemy, `models.py:Base`, are read by what loads SQL.
  if (/\.py:\w/.test(text)) return { type: 'sql', path: text }
  throw new TenantryError('invalid_input', `There is no file ${text}.`, { nextSteps: KINDS })
}

function operandOfFile(path: string, head: string): Operand {
  // By its name also where the header is gone: a damaged database is no SQL.
  const isSqlite = head === SQLITE_HEADER || /\.(db|sqlite3?)$/i.test(path)
  if (isSqlite) return { type: 'database', dialect: 'sqlite', url: `sqlite:${path}` }
  if (/\.json$/i.test(path) || head.trimStart().startsWith('{')) return { type: 'snapshot', file: path }
  return { type: 'sql', path }
}

async function firstBytes(path: string): Promise<string> {
  const file = await open(path).catch((cause: NodeJS.ErrnoException) => {
    throw new TenantryError('invalid_input', `${path} cannot be read: ${cause.message}`, { cause })
  })
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SQLITE_HEADER.length), 0)
    return buffer.toString('latin1', 0, bytesRead)
  } finally {
    await file.close()
  }
}

/** A URL as it may be shown. */
export function withoutPassword(url: string): string {
  return url
    .replace(/^([a-z][a-z0-9+]*:\/\/[^:@/]*):.*@/is, '$1:***@')
    .replaceAll(/([?&](?:password|pwd)=)[^&]*/gi, '$1***')
}

/** How an operand is called in messages. */
export function labelOf(operand: Operand): string {
  switch (operand.type) {
    case 'database':
      return withoutPassword(operand.url)
    case 'snapshot':
      return operand.file
    case 'stored':
      return `snapshot:${operand.reference}`
    case 'tenant':
    case 'version':
      return `${operand.type}:${operand.name}`
    case 'sql':
      return operand.path
    case 'stdin':
      return 'standard input'
  }
}

function absent(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR' || thrown.code === 'ENAMETOOLONG')
    return undefined
  throw thrown
}

/** Runs SQL in a shadow database, statement by statement, so that an error has its place. */
import { sqlstateOf } from '../../engine/failure.ts'
import { ident } from '../../engine/sql.ts'
import { messageOf, TenantryError } from '../../lib/errors.ts'
import type { Dialect, SchemaSession } from '../dialects/dialect.ts'
import type { Shadow } from './shadows.ts'
import type { SqlStatement } from './sql-text.ts'

const UNDEFINED_OBJECT = '42704'

/**
 * On a server of our own, roles that are named and not there are made: a schema's owners and grantees live on the
 * server where it is used.
 * @throws TenantryError `source_invalid` with file, line and SQLSTATE
 */
export async function loadSql(
  dialect: Dialect,
  shadow: Shadow,
  statements: readonly SqlStatement[],
): Promise<void> {
  const session = await openLoader(shadow)
  try {
    await loadAll(dialect, shadow, session, statements)
  } finally {
    await session.close()
  }
}

type Loader = Pick<SchemaSession, 'query' | 'close'>

/** As anybody connects: a session of the dialect has a search path of its own, SQL of others counts on the usual one. */
export async function openLoader({ url, session }: Pick<Shadow, 'url' | 'session'>): Promise<Loader> {
  if (session.dialect !== 'postgres')
    return { query: (sql) => session.query(sql), close: async () => undefined }
  const { Session } = await import('../../engine/session.ts')
  const { parseAddress } = await import('../../engine/address.ts')
  const plain = await Session.open(parseAddress(url))
  return {
    query: async (sql) => {
      await plain.query(sql)
      return []
    },
    close: async () => plain.close(),
  }
}

async function loadAll(
  dialect: Dialect,
  shadow: Shadow,
  session: Loader,
  statements: readonly SqlStatement[],
): Promise<void> {
  /** The statement that began the transaction which is open. */
  let begun: number | undefined
  for (let at = 0; at < statements.length; at++) {
    const statement = statements[at] as SqlStatement
    try {
      await session.query(statement.text)
      if (/^(?:begin|start\s+transaction)\b/i.test(statement.text)) begun = at
      else if (/^(?:commit|end|rollback|abort)\b(?!\s+to\b)/i.test(statement.text)) begun = undefined
    } catch (thrown) {
      if (!shadow.isOwnServer || !(await makeMissingRole(dialect, shadow, thrown)))
        throw refused(statement, thrown)
      if (begun !== undefined) await session.query('rollback')
      at = (begun ?? at) - 1
    }
  }
  if (begun === undefined) return
  throw new TenantryError(
    'source_invalid',
    `${statements[begun]?.place}: the transaction is never committed.`,
    {
      nextSteps: ['Add COMMIT; where it ends, or remove the BEGIN.'],
    },
  )
}

/** Makes the role that a statement named and the server lacks. @returns false when it failed for another reason */
export async function makeMissingRole(
  dialect: Dialect,
  shadow: Pick<Shadow, 'url'>,
  thrown: unknown,
): Promise<boolean> {
  if (stateOf(thrown) !== UNDEFINED_OBJECT) return false
  const [, role] = /role "(.*)" does not exist/s.exec(messageOf(thrown)) ?? []
  if (role === undefined) return false
  // The loading session may be in a transaction that has failed.
  let session: SchemaSession | undefined
  try {
    session = await dialect.connect(shadow.url)
    await session.query(`create role ${ident(role)}`)
    return true
  } finally {
    await session?.close()
  }
}

function stateOf(thrown: unknown): string | undefined {
  return (thrown instanceof TenantryError ? thrown.facts.sqlstate : sqlstateOf(thrown)) ?? undefined
}

function refused(statement: SqlStatement, thrown: unknown): Error {
  const sqlstate = stateOf(thrown)
  if (sqlstate === undefined) return thrown instanceof Error ? thrown : new Error(String(thrown))
  const first = statement.text.replaceAll(/\s+/g, ' ').slice(0, 120)
  return new TenantryError('source_invalid', `${statement.place}: ${messageOf(thrown)} – ${first}`, {
    sqlstate,
    cause: thrown,
    nextSteps: hintFor(sqlstate),
  })
}

function hintFor(sqlstate: string): string[] {
  if (sqlstate === '0A000' || sqlstate === '58P01') {
    return ['An extension that the built-in server lacks: name a server that has it, --scratch postgres://…']
  }
  return ['The SQL is loaded into an empty database: it must make all that it uses, in that order.']
}

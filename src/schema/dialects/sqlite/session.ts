/** A session on one SQLite file. */
import { dsnOf } from '../../../engine/address.ts'
import { DatabaseFailure } from '../../../engine/failure.ts'
import { SqliteFile } from '../../../engine/sqlite-file.ts'
import { TenantryError } from '../../../lib/errors.ts'
import type { Place, Row, SchemaSession } from '../dialect.ts'
import { unlock } from './lock.ts'
import { statementsIn } from './text/statements.ts'
import { sqlitePath } from './url.ts'

/** As the lock timeout of a plan's steps. */
const BUSY_MS = 2000

/**
 * Opens the file of a URL, which must be there.
 * @throws TenantryError `server_unreachable` when it is not, `server_refused` when it is no database.
 */
export async function connect(place: Place): Promise<SchemaSession> {
  const path = sqlitePath(typeof place === 'string' ? place : dsnOf(place))
  let file: SqliteFile | undefined
  try {
    file = SqliteFile.open(path, { busyMs: BUSY_MS })
    // The first read finds out whether it is a database.
    file.run('PRAGMA schema_version')
    file.run('PRAGMA legacy_alter_table = ON')
    return sessionOn(file)
  } catch (thrown) {
    file?.close()
    throw thrown instanceof DatabaseFailure ? refusal(thrown) : thrown
  }
}

function sessionOn(file: SqliteFile): SchemaSession {
  const session: SchemaSession = {
    dialect: 'sqlite',
    label: file.path,
    query: async (sql) => runAll(file, sql),
    close: async () => {
      file.close()
      unlock(session)
    },
  }
  return session
}

/** Runs the statements of a text; the rows of the last one that gives any. */
function runAll(file: SqliteFile, sql: string): readonly Row[] {
  let rows: readonly Row[] = []
  for (const { sql: statement } of statementsIn(sql)) {
    // SQLite ends a transaction by itself after some failures, and then has nothing to roll back.
    if (/^rollback$/i.test(statement) && !file.inTransaction) continue
    const found = file.run(statement)
    if (found.length > 0) rows = found
  }
  return rows
}

function refusal(failure: DatabaseFailure): TenantryError {
  const { sqlstate, message } = failure
  if (sqlstate === '08001') {
    return new TenantryError('server_unreachable', message, {
      cause: failure,
      nextSteps: ['Check the path: Tenantry makes no file that is not there.'],
    })
  }
  return new TenantryError('server_refused', `SQLite refused: ${message}`, {
    sqlstate,
    cause: failure,
    retryable: sqlstate === '55P03',
    nextSteps: nextSteps(sqlstate),
  })
}

function nextSteps(sqlstate: string): string[] {
  if (sqlstate === '55P03') {
    return ['Nothing was changed. Try again when the other connection has finished.']
  }
  if (sqlstate === 'XX001') {
    return ['Nothing was changed. Look at it with PRAGMA integrity_check, or take it from a backup.']
  }
  return []
}

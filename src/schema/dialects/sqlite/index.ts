/** SQLite 3.35 and later, as a dialect. */
import { sqliteIdent, sqliteLiteral } from '../../../engine/sql.ts'
import type { SchemaObject } from '../../snapshot/snapshot.ts'
import type { Dialect } from '../dialect.ts'
import { catalogueFingerprint } from './fingerprint.ts'
import { GUARD } from './guard.ts'
import { inspect } from './inspect/index.ts'
import { lock } from './lock.ts'
import { priority } from './priority.ts'
import { rename } from './rename.ts'
import { rules } from './rules/index.ts'
import { scratch } from './scratch.ts'
import { connect } from './session.ts'

export { scriptOf } from './script.ts'
export { isSqliteUrl } from './url.ts'

export const sqlite: Dialect = {
  name: 'sqlite',
  connect,
  inspect,
  catalogueFingerprint,
  guard: (accepted) => `SELECT ${GUARD}(${accepted.map(sqliteLiteral).join(', ')})`,
  scratch,
  rules,
  priority,
  claims,
  transactionalDdl: true,
  locksTables: false,
  // Outside of the transaction: SQLite takes no notice of the first inside of one. The second keeps views and
  // triggers as they are while a table is rebuilt.
  preamble: ['PRAGMA foreign_keys = OFF', 'PRAGMA legacy_alter_table = ON'],
  quote: (name) => name.map(sqliteIdent).join('.'),
  begin: 'BEGIN IMMEDIATE',
  // SQLite knows no limit to how long a statement may work.
  settings: ({ lockTimeoutMs }) => [`PRAGMA busy_timeout = ${lockTimeoutMs}`],
  lock,
  rename,
}

/** Tables, views and indexes share their names; triggers have their own. */
function claims(object: SchemaObject): readonly string[] {
  const [name = ''] = object.name
  if (object.kind === 'trigger') return [`trigger ${name}`]
  return ['table', 'view', 'index', 'virtual_table'].includes(object.kind) ? [`relation ${name}`] : []
}

/** MySQL 8 and MariaDB 10.11 and later, as a dialect. */
import { SESSION_SETTINGS } from '../../../engine/mysql-connection.ts'
import { mysqlIdent, mysqlLiteral } from '../../../engine/mysql-sql.ts'
import type { PlanStep } from '../../plan/plan.ts'
import type { SchemaObject } from '../../snapshot/snapshot.ts'
import type { Dialect } from '../dialect.ts'
import { catalogueFingerprint } from './fingerprint.ts'
import { inspect } from './inspect/index.ts'
import { lock } from './lock.ts'
import { priority } from './priority.ts'
import { rename } from './rename.ts'
import { rules } from './rules/index.ts'
import { scratch } from './scratch.ts'
import { scriptOf } from './script.ts'
import { connect } from './session.ts'
import { GUARD } from './statement-effect.ts'

export { scriptOf }
export { isMysqlUrl } from './session.ts'

export const mysql: Dialect = {
  name: 'mysql',
  connect,
  inspect: async (session) => await inspect(session),
  catalogueFingerprint: async (session) => await catalogueFingerprint(session),
  guard: (accepted) => `DO ${GUARD}(${accepted.map(mysqlLiteral).join(', ')})`,
  versionScript: scriptOf,
  scratch,
  rules,
  priority,
  claims,
  transactionalDdl: false,
  locksTables: true,
  preamble: [SESSION_SETTINGS],
  quote: (name) => name.map((part) => mysqlIdent(part)).join('.'),
  begin: 'START TRANSACTION',
  settings,
  lock,
  rename,
}

/** Kinds whose names are the same whatever their case. */
const CASELESS = ['procedure', 'function', 'package', 'package_body', 'library', 'event']

/** Tables, views and sequences share their names; foreign keys of a database theirs, and in MySQL checks. */
function claims(object: SchemaObject): readonly string[] {
  const own = object.name.at(-1) as string
  if (['table', 'view', 'sequence'].includes(object.kind)) return [`relation ${own.toLowerCase()}`]
  if (object.kind === 'foreign_key') return [`constraint ${own.toLowerCase()}`]
  if (object.kind === 'check' && object.facts?.['ofDatabase'] === true) return [`check ${own.toLowerCase()}`]
  if (CASELESS.includes(object.kind)) return [`${object.kind} ${own.toLowerCase()}`]
  return object.kind === 'trigger' ? [`trigger ${own}`] : []
}

/** The longest that the server takes, about a year. */
const LONGEST_S = 31_536_000

/** Whole seconds, since the server knows no smaller ones for locks. MySQL itself has no limit for statements but SELECT. */
function settings(step: Pick<PlanStep, 'lockTimeoutMs' | 'statementTimeoutMs'>): readonly string[] {
  const seconds = step.lockTimeoutMs === 0 ? LONGEST_S : Math.ceil(step.lockTimeoutMs / 1000)
  const limit = step.statementTimeoutMs / 1000
  return [
    `SET SESSION lock_wait_timeout = ${seconds}, SESSION innodb_lock_wait_timeout = ${seconds} /*M!100101 , SESSION max_statement_time = ${limit} */`,
  ]
}

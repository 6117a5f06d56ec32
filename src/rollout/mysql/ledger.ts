/**
 * The ledger in a tenant that is a database of MySQL or MariaDB. DDL ends every transaction there, so beside the
 * versions it says of one that is under way which of its steps is about to run, or done.
 */
import { DatabaseFailure } from '../../engine/failure.ts'
import { mysqlLiteral } from '../../engine/mysql-sql.ts'
import { UNSAFE_ROLE } from '../failures.ts'
import type { MysqlChange } from './change.ts'
import type { TenantSession } from './tenant-session.ts'

const LEDGER = 'tenantry_ledger'
const STEPS = 'tenantry_ledger_steps'

const CREATE = [
  `CREATE TABLE IF NOT EXISTS ${LEDGER} (
  version_id VARCHAR(40) NOT NULL PRIMARY KEY,
  checksum CHAR(64) NOT NULL,
  rollout_id CHAR(36) NOT NULL,
  applied_at DATETIME(6) NOT NULL COMMENT 'UTC'
) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin`,
  `CREATE TABLE IF NOT EXISTS ${STEPS} (
  version_id VARCHAR(40) NOT NULL,
  direction VARCHAR(10) NOT NULL,
  step INT NOT NULL,
  checksum CHAR(64) NOT NULL,
  state ENUM('started', 'done') NOT NULL,
  statement TEXT CHARACTER SET utf8mb4 NOT NULL,
  schema_before VARCHAR(200) NULL COMMENT 'fingerprint',
  updated_at DATETIME(6) NOT NULL COMMENT 'UTC',
  PRIMARY KEY (version_id, direction, step)
) ENGINE=InnoDB DEFAULT CHARSET=ascii COLLATE=ascii_bin`,
]

export interface LedgerRow {
  readonly checksum: string
  readonly rolloutId: string
}

export interface StepRow {
  readonly versionId: string
  readonly direction: string
  /** 0-based. */
  readonly step: number
  readonly checksum: string
  readonly state: 'started' | 'done'
  /** Fingerprint of the schema before a statement that changes it. */
  readonly before: string | null
}

export interface Books {
  /** The versions that the tenant has, by version. */
  readonly ledger: ReadonlyMap<string, LedgerRow>
  /** Of versions that are under way. */
  readonly steps: readonly StepRow[]
}

/**
 * What is written in a tenant; nothing where there is no ledger.
 * @throws DatabaseFailure TN002 for a ledger that is none: a view of that name would run its owner's code as us, a
 *   table without transactions would keep what was rolled back
 */
export async function readBooks(session: TenantSession): Promise<Books> {
  const found = await session.query(
    `SELECT table_name AS name, table_type AS type, engine AS engine FROM information_schema.tables
     WHERE table_schema = DATABASE() AND table_name IN ('${LEDGER}', '${STEPS}')`,
  )
  for (const row of found) {
    if (row['type'] === 'BASE TABLE' && row['engine'] === 'InnoDB') continue
    throw new DatabaseFailure(
      UNSAFE_ROLE,
      `${String(row['name'])} in ${session.database} is ${row['engine'] === null ? 'a view' : 'a table of another engine than InnoDB'}, not the table that Tenantry makes. Drop it, or give it another name.`,
    )
  }
  const has = (name: string): boolean => found.some((row) => row['name'] === name)
  const ledger = has(LEDGER)
    ? await session.query(`SELECT version_id, checksum, rollout_id FROM ${LEDGER} ORDER BY version_id`)
    : []
  const steps = has(STEPS)
    ? await session.query(
        `SELECT version_id, direction, step, checksum, state, schema_before FROM ${STEPS} ORDER BY version_id, step`,
      )
    : []
  return {
    ledger: new Map(
      ledger.map((row) => [
        String(row['version_id']),
        { checksum: String(row['checksum']), rolloutId: String(row['rollout_id']) },
      ]),
    ),
    steps: steps.map((row) => ({
      versionId: String(row['version_id']),
      direction: String(row['direction']),
      step: Number(row['step']),
      checksum: String(row['checksum']),
      state: row['state'] as StepRow['state'],
      before: row['schema_before'] as string | null,
    })),
  }
}

export async function createLedger(session: TenantSession): Promise<void> {
  for (const statement of CREATE) await session.query(statement)
}

export function insertRow(change: Pick<MysqlChange, 'versionId' | 'checksum'>, rolloutId: string): string {
  const values = [change.versionId, change.checksum, rolloutId].map(mysqlLiteral).join(', ')
  return `INSERT INTO ${LEDGER} (version_id, checksum, rollout_id, applied_at) VALUES (${values}, UTC_TIMESTAMP(6))`
}

export function deleteRow({ versionId }: MysqlChange): string {
  return `DELETE FROM ${LEDGER} WHERE version_id = ${mysqlLiteral(versionId)}`
}

/** @param before fingerprint of the schema, where the statement changes it */
export function markStep(
  change: MysqlChange,
  step: number,
  state: StepRow['state'],
  before: string | null = null,
): string {
  const [first] = change.steps[step]?.statements ?? []
  const text = Buffer.from((first?.sql ?? '').slice(0, 1000).toWellFormed()).toString('hex')
  const values = [
    ...[change.versionId, change.direction].map(mysqlLiteral),
    String(step),
    ...[change.checksum, state].map(mysqlLiteral),
    // In hex: a version may have set what the server takes the bytes of a statement for.
    `_utf8mb4 0x${text === '' ? '20' : text}`,
    before === null ? 'NULL' : mysqlLiteral(before),
  ]
  return `INSERT INTO ${STEPS} (version_id, direction, step, checksum, state, statement, schema_before, updated_at)
    VALUES (${values.join(', ')}, UTC_TIMESTAMP(6))
    ON DUPLICATE KEY UPDATE state = VALUES(state), schema_before = VALUES(schema_before), updated_at = VALUES(updated_at)`
}

export function clearStep(change: MysqlChange, step: number): string {
  return `${clearSteps(change)} AND step = ${step}`
}

export function clearSteps({ versionId, direction }: MysqlChange): string {
  return `DELETE FROM ${STEPS} WHERE version_id = ${mysqlLiteral(versionId)} AND direction = ${mysqlLiteral(direction)}`
}

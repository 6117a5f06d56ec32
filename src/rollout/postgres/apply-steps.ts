/**
 * Applies a change that does not fit into one transaction: each step's progress is a row in the tenant's ledger, so
 * that whoever comes after a crash goes on at the right statement.
 */
import { createHash } from 'node:crypto'
import { DatabaseFailure } from '../../engine/failure.ts'
import type { Session } from '../../engine/session.ts'
import { literal } from '../../engine/sql.ts'
import type { Step } from '../../schema/statements.ts'
import {
  busy,
  CONFLICT,
  explain,
  explainGuard,
  isMissingLedger,
  openingStatements,
  refuseOtherChecksum,
} from '../failures.ts'
import type { Change, RolloutWork, Target } from '../change.ts'
import { invalidIndexes, readConcurrent, recover, type ConcurrentStatement } from './concurrent-index.ts'
import {
  CREATE_LEDGER,
  deleteLedgerRow,
  enterSchema,
  insertLedgerRow,
  JUDGE_DEFERRED,
  selectLedgerRow,
  tenantSchema,
} from './ledger.ts'

interface StepRow {
  readonly checksum: string
  readonly state: 'started' | 'done'
  readonly invalidBefore: readonly string[]
}

interface Steps {
  readonly session: Session
  readonly work: RolloutWork
  readonly target: Target
  readonly change: Change
}

/** @returns false when the tenant had (or, for a downgrade, did not have) the version already. */
export async function applySteps(
  session: Session,
  work: RolloutWork,
  target: Target,
  change: Change,
): Promise<boolean> {
  const steps: Steps = { session, work, target, change }
  await lockTenant(steps)
  try {
    const due = await isDue(steps)
    if (due !== 'due') return due === 'done by this rollout'
    const rows = await readSteps(steps)
    for (const [index, step] of change.steps.entries()) {
      const row = rows.get(index)
      if (row?.state === 'done') continue
      if (step.kind === 'transaction') await runTransaction(steps, step, index)
      else await runSingle(steps, step, index, row)
    }
    await finish(steps)
    return true
  } finally {
    await unlockTenant(session)
  }
}

/** Two workers must not run the same statement side by side: outside a transaction the ledger row cannot stop them. */
async function lockTenant({ session, target }: Steps): Promise<void> {
  const key = createHash('sha256').update(`tenantry steps\0${target.schema}`).digest().readBigInt64BE()
  const [result] = await session.query(`select pg_catalog.pg_try_advisory_lock(${key})`, { keepRows: true })
  if (result?.rows[0]?.[0] === 't') return
  await session.query(endFormerHolder(key))
  throw busy()
}

/**
 * A target is in one worker's hand at a time. Whoever of this same rollout still holds its lock has lost its lease:
 * it froze, or died and left a statement running. It would go on from where others have gone on meanwhile.
 */
function endFormerHolder(key: bigint): string {
  // The role that logged in may end its own sessions, whichever role the session works as.
  return `set local role none;
    select pg_catalog.pg_terminate_backend(holder.pid) from pg_catalog.pg_locks as held
    join pg_catalog.pg_stat_activity as holder on holder.pid OPERATOR(pg_catalog.=) held.pid
    where held.locktype OPERATOR(pg_catalog.=) 'advisory' and held.objsubid OPERATOR(pg_catalog.=) 1 and held.granted
      and held.classid::pg_catalog.int8 OPERATOR(pg_catalog.=) ${(key >> 32n) & 0xffff_ffffn}
      and held.objid::pg_catalog.int8 OPERATOR(pg_catalog.=) ${key & 0xffff_ffffn}
      and holder.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
      and holder.usename OPERATOR(pg_catalog.=) session_user
      and holder.application_name OPERATOR(pg_catalog.=) pg_catalog.current_setting('application_name')
      and holder.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()`
}

async function unlockTenant(session: Session): Promise<void> {
  try {
    await session.query('select pg_catalog.pg_advisory_unlock_all()')
  } catch (error) {
    // A lost connection has given its locks back.
    if (!(error instanceof DatabaseFailure)) throw error
  }
}

async function isDue({
  session,
  work,
  target,
  change,
}: Steps): Promise<'due' | 'done by this rollout' | 'not due'> {
  const opening = openingStatements(work, target)
  const select = selectLedgerRow(target.schema, change.versionId)
  const message = (withCreate: boolean): string =>
    [...opening, ...(withCreate ? [CREATE_LEDGER] : []), select].join(';\n')
  const results = await session
    .query(message(!target.ledgerReady), { keepRows: true })
    .catch((error: unknown) => {
      if (isMissingLedger(error)) return session.query(message(true), { keepRows: true })
      throw explainGuard(error, work, target)
    })
  const [checksum, rolloutId] = results.at(-1)?.rows[0] ?? []
  if (change.direction === 'downgrade')
    return rolloutId === (work.undoOf ?? work.rolloutId) ? 'due' : 'not due'
  if (checksum == null) return 'due'
  refuseOtherChecksum(change, checksum)
  return rolloutId === work.rolloutId ? 'done by this rollout' : 'not due'
}

async function readSteps({ session, target, change }: Steps): Promise<Map<number, StepRow>> {
  const [result] = await session.query(
    `select step, checksum, state, before from tenantry.ledger_steps where ${stepsOfVersion(target, change)}`,
    { keepRows: true },
  )
  const rows = new Map<number, StepRow>()
  for (const [step, checksum, state, before] of result?.rows ?? []) {
    if (checksum !== change.checksum) {
      throw new DatabaseFailure(
        CONFLICT,
        `Version ${change.versionId} was begun here with checksum ${checksum}, the rollout has ${change.checksum}: nothing was done.`,
      )
    }
    const invalidBefore = before == null ? [] : (JSON.parse(before) as string[])
    rows.set(Number(step), { checksum, state: state as StepRow['state'], invalidBefore })
  }
  return rows
}

async function runTransaction(
  { session, work, target, change }: Steps,
  step: Step,
  index: number,
): Promise<void> {
  const opening = openingStatements(work, target)
  const earlier = change.steps.slice(0, index).reduce((sum, before) => sum + before.statements.length, 0)
  const before = [...opening, markStep(target, change, index, 'done'), ''].join(';\n')
  const message = `${before}${step.sql}\n;\n${JUDGE_DEFERRED}`
  try {
    await session.query(message)
  } catch (error) {
    if (!(error instanceof DatabaseFailure)) throw error
    throw explain(error, {
      work,
      target,
      change,
      statementsBefore: opening.length + 1 - earlier,
      statementsInAll: opening.length + 1 + step.statements.length,
      sent: { message, step, sqlAt: before.length },
    })
  }
}

async function runSingle(
  { session, target, change }: Steps,
  step: Step,
  index: number,
  row: StepRow | undefined,
): Promise<void> {
  const statement = readConcurrent(step.sql)
  // One statement by itself takes its path from the session, not from a transaction.
  await session.query(enterSchemaForSession(target))
  const invalidBefore = row?.invalidBefore ?? (await invalidBeforeRun(session, statement))
  if (row === undefined) await session.query(markStep(target, change, index, 'started', invalidBefore))
  if (!(await recover(session, statement, invalidBefore, row !== undefined))) {
    try {
      await session.query(step.sql)
    } catch (error) {
      await clearUp(session, statement, invalidBefore)
      throw withStatement(error, change, index)
    }
  }
  await session.query(markStep(target, change, index, 'done'))
}

/** After a failure an invalid index would go on slowing writes down: it is dropped at once where that is possible. */
async function clearUp(
  session: Session,
  statement: ConcurrentStatement,
  invalidBefore: readonly string[],
): Promise<void> {
  try {
    await recover(session, statement, invalidBefore, true)
  } catch (error) {
    // The next try of this tenant begins with the same clearing up.
    if (!(error instanceof DatabaseFailure)) throw error
  }
}

async function invalidBeforeRun(session: Session, statement: ConcurrentStatement): Promise<string[]> {
  return statement.kind === 'create index' ? invalidIndexes(session, statement.table) : []
}

async function finish({ session, work, target, change }: Steps): Promise<void> {
  const key = { schema: target.schema, versionId: change.versionId, rolloutId: work.undoOf ?? work.rolloutId }
  const row =
    change.direction === 'upgrade'
      ? insertLedgerRow({ ...key, rolloutId: work.rolloutId }, change.checksum)
      : deleteLedgerRow(key)
  await session.query(`${row};\ndelete from tenantry.ledger_steps where ${stepsOfVersion(target, change)}`)
}

function markStep(
  target: Target,
  change: Change,
  index: number,
  state: StepRow['state'],
  invalidBefore: readonly string[] = [],
): string {
  const statement = change.steps[index]?.sql.slice(0, 500) ?? ''
  const values = [target.schema, change.versionId, change.direction].map(literal).join(', ')
  return `insert into tenantry.ledger_steps (tenant_schema, version_id, direction, step, checksum, state, statement, before)
    values (${values}, ${index}, ${literal(change.checksum)}, ${literal(state)}, ${literal(statement)}, ${literal(JSON.stringify(invalidBefore))})
    on conflict (tenant_schema, version_id, direction, step) do update
    set state = excluded.state, updated_at = pg_catalog.clock_timestamp()`
}

function stepsOfVersion(target: Target, change: Change): string {
  return `${tenantSchema(target.schema)} and version_id OPERATOR(pg_catalog.=) ${literal(change.versionId)}
    and direction OPERATOR(pg_catalog.=) ${literal(change.direction)}`
}

function enterSchemaForSession(target: Target): string {
  const statements = enterSchema(target.schema).map((statement) => statement.replace(/^set local /, 'set '))
  return statements.length === 0 ? 'select 1' : statements.join(';\n')
}

function withStatement(error: unknown, change: Change, index: number): unknown {
  if (!(error instanceof DatabaseFailure)) return error
  const [statement] = change.steps[index]?.statements ?? []
  if (statement === undefined || change.steps.length < 2) return error
  return new DatabaseFailure(
    error.sqlstate,
    `${error.message} (step ${index + 1} of ${change.steps.length}, line ${statement.line})`,
    error.facts,
  )
}

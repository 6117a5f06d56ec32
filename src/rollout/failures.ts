/** What the failures of a message to a tenant mean: which statement it was, and what Tenantry refuses by itself. */
import { DatabaseFailure } from '../engine/failure.ts'
import { statementsOf, type Change, type RolloutWork, type Target } from './change.ts'
import { enterSchema, STRANGE_LEDGER } from './postgres/ledger.ts'
import type { Step } from '../schema/statements.ts'

/** SQLSTATEs of Tenantry's own, in a class PostgreSQL does not use. */
export const CONFLICT = 'TN001'
export const UNSAFE_ROLE = 'TN002'
const BUSY = 'TN003'

/** What precedes everything in a transaction on this tenant. */
export function openingStatements(work: RolloutWork, target: Target): string[] {
  return [...work.prelude, ...enterSchema(target.schema)]
}

/** @throws DatabaseFailure TN001 */
export function refuseOtherChecksum(change: Pick<Change, 'versionId' | 'checksum'>, checksum: string): void {
  if (checksum === change.checksum) return
  throw new DatabaseFailure(
    CONFLICT,
    `Version ${change.versionId} is recorded here with checksum ${checksum}, the rollout has ${change.checksum}: nothing was done.`,
  )
}

export function isMissingLedger(error: unknown): boolean {
  if (!(error instanceof DatabaseFailure)) return false
  const missing = error.sqlstate === '42P01' || error.sqlstate === '3F000'
  return missing && /tenantry/.test(error.message)
}

/**
 * With this SQLSTATE the tenant's ledger is asked once more before it counts as failed.
 * @throws DatabaseFailure 40003 for a tenant that ended the workers that took it
 */
export function refuseDeadly(maxAttempts: number, target: Target): void {
  if (target.attempts <= maxAttempts) return
  const tries = target.attempts - 1
  throw new DatabaseFailure(
    '40003',
    `Given up after ${tries} tries: too many of the workers that took this tenant died.`,
  )
}

/** Another worker's transaction, or its orphan on the server, holds the tenant's ledger row: it will end by itself. */
export function isHeldByTwin(error: DatabaseFailure): boolean {
  return error.sqlstate === '55P03' && /"ledger(_pkey)?"/.test(error.facts.where ?? '')
}

export function busy(): DatabaseFailure {
  return new DatabaseFailure(BUSY, 'Another worker is applying a change to this tenant right now.')
}

/** A failure after some of several versions had been applied, now or in an earlier try. */
export class PartlyApplied extends DatabaseFailure {
  /** The newest version that is there. */
  readonly versionId: string

  constructor(failure: DatabaseFailure, versionId: string, failedVersionId: string) {
    super(failure.sqlstate, `Version ${failedVersionId}: ${failure.message}`, failure.facts)
    this.versionId = versionId
  }
}

/** A failure after some of several versions had been taken back, now or in an earlier try. */
export class PartlyUndone extends DatabaseFailure {
  /** The newest version that is left, null when none is; undefined when the connection was lost. */
  readonly versionId: string | null | undefined

  constructor(failure: DatabaseFailure, versionId: string | null | undefined, failedVersionId: string) {
    super(failure.sqlstate, `Version ${failedVersionId}: ${failure.message}`, failure.facts)
    this.versionId = versionId
  }
}

interface Place {
  readonly work: RolloutWork
  readonly target: Target
  readonly change: Change
  /** How many statements of the message come before the change's own. */
  readonly statementsBefore: number
  /** How many statements of the message come before those that end it: a failure after them is the commit's. */
  readonly statementsInAll: number
  /** The message, when it holds the SQL of a step as it was written. */
  readonly sent?: SentMessage
}

export interface SentMessage {
  readonly message: string
  readonly step: Step | undefined
  /** Where the SQL of the step begins, in UTF-16 units. */
  readonly sqlAt: number
}

/** The failure with the statement of the change that it happened in. */
export function explain(error: DatabaseFailure, place: Place): DatabaseFailure {
  const guarded = explainGuard(error, place.work, place.target)
  if (guarded !== error) return guarded
  if ((error.facts.completed ?? 0) >= place.statementsInAll) return atCommit(error)
  const statements = statementsOf(place.change)
  const found = statementAtPosition(error, place) ?? statementAfterCompleted(error, place)
  if (found === undefined || statements.length < 2) return error
  return new DatabaseFailure(
    error.sqlstate,
    `${error.message} (statement ${found.index + 1} of ${statements.length}, line ${found.line})`,
    error.facts,
  )
}

/** What no statement is to blame for: a constraint or trigger that is deferred to the end of the transaction. */
export function atCommit(error: DatabaseFailure): DatabaseFailure {
  return new DatabaseFailure(error.sqlstate, `${error.message} (at commit)`, error.facts)
}

interface FoundStatement {
  readonly index: number
  readonly line: number
}

/** PostgreSQL reads a whole message before it runs its first statement: a syntax error is told by its position only. */
function statementAtPosition(error: DatabaseFailure, { change, sent }: Place): FoundStatement | undefined {
  const { position } = error.facts
  const first = sent?.step?.statements[0]
  if (position === undefined || sent?.step === undefined || first === undefined) return undefined
  const inStep = offsetOf(sent.message, position - 1) - sent.sqlAt
  if (inStep < 0 || inStep > sent.step.sql.length) return undefined
  const index = statementsOf(change).findLastIndex((statement) => statement.start <= first.start + inStep)
  return { index, line: first.line + sent.step.sql.slice(0, inStep).split('\n').length - 1 }
}

function statementAfterCompleted(
  error: DatabaseFailure,
  { change, statementsBefore }: Place,
): FoundStatement | undefined {
  if (error.sqlstate === '42601') return undefined
  const index = (error.facts.completed ?? 0) - statementsBefore
  const statement = statementsOf(change)[index]
  return statement === undefined ? undefined : { index, line: statement.line }
}

/** The offset in UTF-16 units of a place that PostgreSQL counts in characters. */
function offsetOf(text: string, characters: number): number {
  let offset = 0
  for (let left = characters; left > 0 && offset < text.length; left -= 1) {
    offset += (text.codePointAt(offset) ?? 0) > 0xffff ? 2 : 1
  }
  return offset
}

/** Turns the guards' errors into words. */
export function explainGuard(error: unknown, work: RolloutWork, target: Target): DatabaseFailure {
  if (!(error instanceof DatabaseFailure)) throw error
  const owner = error.sqlstate === '22P02' ? STRANGE_LEDGER.exec(error.message)?.[1] : undefined
  if (owner !== undefined) {
    return new DatabaseFailure(
      UNSAFE_ROLE,
      `The schema tenantry in ${target.database} belongs to ${owner}, whose code would run with the rights of Tenantry's role. Drop it, or give it and all that is in it to the role that Tenantry logs in as.`,
    )
  }
  if (work.guardIndex < 0 || error.facts.completed !== work.guardIndex || error.sqlstate !== '22012')
    return error
  return new DatabaseFailure(
    UNSAFE_ROLE,
    `Not run as a superuser in ${target.database}: roles that are not superusers own objects or may create some there, and their code would run with a superuser's rights. Register the server with a role that owns the tenants' tables and is no superuser.`,
  )
}

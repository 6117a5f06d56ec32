/** Failures in the middle of a version that cannot be one transaction: what is in place, and what to do. */
import { DatabaseFailure } from '../../engine/failure.ts'
import type { MysqlStatement } from '../../schema/dialects/mysql/version-steps.ts'
import type { MysqlChange } from './change.ts'
import type { StepRow } from './ledger.ts'

/** Nothing tells whether a statement was run. */
const IN_DOUBT = 'TN004'
/** Another version is half way. */
const HALF_WAY = 'TN005'
/** The schema is not the one that the change was planned for. */
const OTHER_SCHEMA = 'TN010'

/** Which statements are in place after the steps before number `step` are: `statements 1 to 4`. */
function inPlace(change: MysqlChange, step: number): string | undefined {
  const last = change.steps
    .slice(0, step)
    .flatMap(({ statements }) => statements)
    .at(-1)
  if (last === undefined) return undefined
  return last.number === 1 ? 'statement 1' : `statements 1 to ${last.number}`
}

function placeOf(change: MysqlChange, { number, line }: MysqlStatement): string {
  return `statement ${number} of ${change.statements.length}, line ${line}`
}

/** What a reader needs to know beside the server's message. */
function halfDone(change: MysqlChange, step: number): string {
  const done = inPlace(change, step)
  if (done === undefined) return ''
  const verb = done === 'statement 1' ? 'is' : 'are'
  return `; ${done} ${verb} in place, the version is half way: mend the cause and try again, it goes on from here`
}

/** @param remark what else this failure left behind */
export function failedStatement(
  failure: DatabaseFailure,
  change: MysqlChange,
  step: number,
  statement: MysqlStatement,
  remark = '',
): DatabaseFailure {
  const place = change.statements.length < 2 ? '' : ` (${placeOf(change, statement)})`
  return new DatabaseFailure(
    failure.sqlstate,
    `${failure.message}${place}${remark}${halfDone(change, step)}`,
    failure.facts,
  )
}

/** @param why nothing tells */
export function inDoubt(change: MysqlChange, step: number, why: string): DatabaseFailure {
  const [first] = change.steps[step]?.statements ?? []
  const place = first === undefined ? '' : ` (${placeOf(change, first)})`
  const done = inPlace(change, step)
  const row = `version_id = '${change.versionId}' AND direction = '${change.direction}' AND step = ${step}`
  return new DatabaseFailure(
    IN_DOUBT,
    `In doubt${place}: it was about to run when the connection was lost, and ${why}. ${
      done === undefined ? 'Nothing before it was to be done' : `What comes before it, ${done}, is in place`
    }; nothing after it was run. Look at the tenant. If it was run: UPDATE tenantry_ledger_steps SET state = 'done' WHERE ${row}. If not: DELETE FROM tenantry_ledger_steps WHERE ${row}. Then try again.`,
  )
}

export function halfWay({ versionId, direction }: StepRow): DatabaseFailure {
  const what = direction === 'upgrade' ? 'applied' : 'undone'
  return new DatabaseFailure(
    HALF_WAY,
    `Version ${versionId} is half ${what} here: nothing else is done before it is whole. Roll it out again, or retry its rollout; where the schema was put right by hand, delete its rows from tenantry_ledger_steps.`,
  )
}

export function otherSchema(): DatabaseFailure {
  return new DatabaseFailure(OTHER_SCHEMA, 'The schema has changed since this change was planned.')
}

/** A plan as the SQL of a version, for the rollout engine: transactions marked, its settings in each of them. */
import type { Dialect } from '../dialects/dialect.ts'
import { groupsFrom } from '../execute.ts'
import { preambleFor } from './masked.ts'
import type { Plan } from './plan.ts'

/**
 * @param masked the tenant is a schema: its rollout has set the search path
 * @param guard goes first, in a transaction of its own when the plan begins outside of one
 */
export function versionSql(
  dialect: Dialect,
  plan: Pick<Plan, 'steps'>,
  masked: boolean,
  guard?: string,
): string {
  if (dialect.versionScript !== undefined) {
    const statements = plan.steps.map((step) => step.sql)
    return dialect.versionScript(guard === undefined ? statements : [guard, ...statements])
  }
  const blocks = groupsFrom(plan, 0).map(({ begin, end, transactional }) => ({
    transactional,
    statements: plan.steps.slice(begin, end).map((step) => step.sql),
  }))
  if (guard !== undefined) {
    const [first] = blocks
    if (first?.transactional === true) first.statements.unshift(guard)
    else blocks.unshift({ transactional: true, statements: [guard] })
  }
  const { inTransaction = (statement) => statement } = dialect
  const local = preambleFor(dialect, masked).map(inTransaction)
  return blocks
    .map(({ transactional, statements }) =>
      transactional ? ['BEGIN', ...local, ...statements, 'COMMIT'] : statements,
    )
    .map((statements) => `${statements.join(';\n')};\n`)
    .join('\n')
}

/** A plan as a script that psql, mariadb or sqlite3 run as it is. */
import type { Dialect } from '../dialects/dialect.ts'
import { HAZARDS } from '../plan/hazards.ts'
import type { Plan, PlanStep } from '../plan/plan.ts'
import type { DialectName } from '../snapshot/snapshot.ts'

/** How the script is run, for its first lines. */
const PROGRAMS: Readonly<Record<DialectName, string>> = {
  postgres: 'psql -X -f THIS_FILE',
  mysql: 'mariadb --comments DATABASE < THIS_FILE',
  sqlite: 'sqlite3 DATABASE < THIS_FILE',
}

/** Text ending in a line end; for an empty plan a comment only. */
export async function planScript(dialect: Dialect, plan: Plan): Promise<string> {
  if (plan.steps.length === 0)
    return `${['-- The schemas are equal: there is nothing to do.', ...notLookedAt(plan)].join('\n')}\n`
  const write = await scriptWriter(dialect.name)
  return `${headOf(plan)}\n${write(statementsOf(dialect, plan))}`
}

/** All statements in order, hazards as comments in front of them. */
function statementsOf(dialect: Dialect, plan: Plan): string[] {
  const statements = [...dialect.preamble]
  let open: number | null = null
  let settings = ''
  for (const step of plan.steps) {
    if (step.group !== open && open !== null) statements.push('COMMIT')
    if (step.group !== open && step.group !== null) statements.push(dialect.begin)
    open = step.group
    const wanted = dialect.settings(step)
    if (wanted.join('\n') !== settings) statements.push(...wanted)
    settings = wanted.join('\n')
    statements.push(commented(step))
  }
  if (open !== null) statements.push('COMMIT')
  return statements
}

function commented(step: PlanStep): string {
  const lines = step.hazards.map(({ name, detail }) => `${comment(`${name}: ${detail}`)}\n`)
  return `${lines.join('')}${step.sql}`
}

function headOf(plan: Plan): string {
  const lines = [
    `${plan.steps.length} ${plan.steps.length === 1 ? 'step' : 'steps'} from schema ${plan.source}`,
    `to schema ${plan.target}.`,
    `Run with: ${PROGRAMS[plan.dialect]}`,
  ]
  const names = new Set(plan.steps.flatMap((step) => step.hazards.map(({ name }) => name)))
  for (const name of [...names].toSorted()) {
    lines.push(`${HAZARDS[name].mustAllow ? 'HAZARD ' : ''}${name}: ${HAZARDS[name].means}.`)
  }
  return [...lines.map(comment), ...notLookedAt(plan)].join('\n')
}

function notLookedAt({ unmodelled }: Plan): string[] {
  return unmodelled.map(({ kind, name, detail }) => comment(`Not looked at: ${kind} ${name}: ${detail}`))
}

/** Names can hold line ends, which would end the comment. */
function comment(text: string): string {
  return `-- ${text.replaceAll(/[\r\n\v\f\u0085\u2028\u2029]+/g, ' ')}`
}

async function scriptWriter(name: DialectName): Promise<(statements: readonly string[]) => string> {
  switch (name) {
    case 'postgres':
      return postgresScript
    case 'mysql':
      return (await import('../dialects/mysql/index.ts')).scriptOf
    case 'sqlite':
      return (await import('../dialects/sqlite/index.ts')).scriptOf
  }
}

function postgresScript(statements: readonly string[]): string {
  // Without the first line psql goes on after an error, and drops what the statement that failed was to replace.
  const head = '\\set ON_ERROR_STOP on\n'
  // A statement may end in a comment.
  return head + statements.map((sql) => `${sql}${/--[^\n]*$/.test(sql) ? '\n' : ''};\n`).join('')
}

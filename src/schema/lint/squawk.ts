/**
 * squawk, a linter of SQL for PostgreSQL: its program comes in a package of its own and is used where that is
 * installed. It concludes from the text; what a rehearsal saw counts more.
 */
import { stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { z } from 'zod'
import { run } from '../../engine/exec.ts'
import { messageOf, TenantryError } from '../../lib/errors.ts'
import type { HazardName } from '../plan/hazards.ts'
import type { Statement } from '../statements.ts'
import type { Level, Saying } from './finding.ts'

const PREFIX = 'squawk/'
const TIMEOUT_MS = 60_000

/** Of no use here: Tenantry sets the timeouts, divides what cannot share a transaction, and runs a version once. */
const ANSWERED_BY_ROLLOUT = new Set([
  'require-lock-timeout',
  'require-statement-timeout',
  'require-timeout-settings',
  'prefer-robust-stmts',
  'ban-concurrent-index-creation-in-transaction',
  'ban-uncommitted-transaction',
  'transaction-nesting',
])

/** Guesses at what a rehearsal sees, as hazards. */
const SEEN_BY_REHEARSAL: Readonly<Record<string, HazardName | null>> = {
  'adding-field-with-default': 'table-rewrite',
  'adding-serial-primary-key-field': 'table-rewrite',
  'changing-column-type': 'table-rewrite',
  'adding-foreign-key-constraint': 'long-lock',
  'adding-not-nullable-field': 'long-lock',
  'constraint-missing-not-valid': 'long-lock',
  'disallowed-unique-constraint': 'long-lock',
  'require-concurrent-index-creation': 'long-lock',
  'require-concurrent-reindex': 'long-lock',
  'adding-required-field': 'may-fail',
  'ban-drop-column': 'data-loss',
  'ban-drop-table': 'data-loss',
  'renaming-column': null,
  'renaming-table': null,
}

const HAZARDS_OF: Readonly<Record<string, HazardName | null>> = {
  ...SEEN_BY_REHEARSAL,
  'ban-drop-database': 'data-loss',
  'ban-truncate-cascade': 'data-loss',
}

/** Taste: types and names that one may well have chosen. */
const STYLE =
  /^(?:prefer-|ban-char-field|identifier-too-long|require-enum-value-ordering|require-table-schema)/

const answers = z.array(
  z.object({
    line: z.int(),
    column: z.int(),
    level: z.string(),
    message: z.string(),
    help: z.string().nullable(),
    rule_name: z.string(),
  }),
)

/** The program, undefined where its package is not installed. */
export async function findSquawk(): Promise<string | undefined> {
  const name = `@squawk-cli/${process.platform}-${process.arch}/package.json`
  try {
    const file = path.join(path.dirname(createRequire(import.meta.url).resolve(name)), 'bin', 'squawk')
    await stat(file)
    return file
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
    if (code === 'MODULE_NOT_FOUND' || code === 'ENOENT') return undefined
    throw thrown
  }
}

export interface SquawkSaying extends Saying {
  readonly statement: number
  readonly line: number
}

/**
 * @param statements of `sql`, to say which one is meant
 * @param rehearsed numbers of statements of which a rehearsal has seen what they do, or that they do not
 * @throws TenantryError `internal` when the program does not answer as it should
 */
export async function askSquawk(
  program: string,
  sql: string,
  statements: readonly Statement[],
  rehearsed: ReadonlySet<number>,
): Promise<SquawkSaying[]> {
  const args = ['--reporter', 'json', '--assume-in-transaction']
  const { stdout, stderr } = await run(program, args, {
    cwd: process.cwd(),
    env: {},
    timeoutMs: TIMEOUT_MS,
    input: sql,
  })
  const offsetOf = offsets(sql)
  return parse(stdout, stderr)
    .filter(({ rule_name: rule }) => !ANSWERED_BY_ROLLOUT.has(rule))
    .map(({ line, column, message, help, rule_name: rule }) => {
      const index = Math.max(
        statements.findLastIndex(({ start }) => start <= offsetOf(line, column)),
        0,
      )
      const hazard = HAZARDS_OF[rule] ?? null
      return {
        rule: `${PREFIX}${rule}`,
        hazard,
        level: levelOf(rule, hazard),
        message: message.trim(),
        instead: help,
        statement: index + 1,
        line: statements[index]?.line ?? line + 1,
      }
    })
    .filter(({ rule, statement }) => {
      const seen = rule.slice(PREFIX.length) in SEEN_BY_REHEARSAL || rule === `${PREFIX}syntax-error`
      return !(seen && rehearsed.has(statement))
    })
}

function levelOf(rule: string, hazard: HazardName | null): Level {
  if (STYLE.test(rule)) return 'note'
  return rule === 'syntax-error' || (hazard !== null && hazard !== 'may-fail') ? 'error' : 'warning'
}

function parse(stdout: string, stderr: string): z.output<typeof answers> {
  try {
    return answers.parse(JSON.parse(stdout))
  } catch (cause) {
    const said = stderr.trim() === '' ? messageOf(cause) : stderr.trim()
    throw new TenantryError('internal', `squawk gave no answer that can be read: ${said.slice(0, 500)}`, {
      cause,
    })
  }
}

/** From its lines and columns (from 0, columns in bytes of UTF-8) to offsets in the text. */
function offsets(sql: string): (line: number, column: number) => number {
  const lines = sql.split('\n')
  const starts: number[] = []
  let start = 0
  for (const line of lines) {
    starts.push(start)
    start += line.length + 1
  }
  return (line, column) => {
    const before = Buffer.from(lines[line] ?? '').subarray(0, column)
    return (starts[line] ?? sql.length) + before.toString('utf8').length
  }
}

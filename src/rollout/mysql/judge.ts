/** What is to be done about a statement that was about to run when its worker, or the server, died: pure. */
import type { Effect } from '../../schema/dialects/mysql/statement-effect.ts'

/**
 * - `run`: it was not run, or does no harm when it runs again.
 * - `run what is left`: a part of it was done.
 * - `done`: it was run.
 * - `in doubt`: nothing tells.
 */
export type Verdict = 'run' | 'run what is left' | 'done' | 'in doubt'

/**
 * A change of one object is done wholly or not at all (MariaDB 10.6, MySQL 8.0): the schema tells which.
 * @param before mark of the schema before the statement: versions of Tenantry and the server, and a fingerprint
 * @param now the same of the schema as it is
 */
export function judge(effect: Effect, before: string | null, now: string): Verdict {
  if (effect === 'again') return 'run'
  if (before === null || versionsOf(before) !== versionsOf(now)) return 'in doubt'
  const changed = before !== now
  if (effect === 'schema') return changed ? 'done' : 'run'
  if (effect === 'drops') return changed ? 'run what is left' : 'run'
  if (effect === 'renames') return changed ? 'done' : 'in doubt'
  return 'in doubt'
}

function versionsOf(mark: string): string {
  return mark.slice(0, mark.lastIndexOf(' '))
}

/** Whether the schema has to be looked at before it runs. */
export function needsFingerprint(effect: Effect): boolean {
  return effect === 'schema' || effect === 'drops' || effect === 'renames'
}

/** The same DROP for what is still there. */
export function dropWhatIsLeft(sql: string): string {
  return sql.replace(/^((?:\s|\/\*[^]*?\*\/)*drop\s+\w+\s+)(?!if\s+exists\b)/i, '$1IF EXISTS ')
}

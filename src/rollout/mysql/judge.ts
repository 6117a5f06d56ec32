/** What is to be done about a statement that was about to run when its worker, or the server, died: pure. */
import type { Effect } from '../../schema/dialects/mysql/statement-effect.ts'

/**
 * - `run`: it was not run, or does no harm when it runs again.
 * - `run what is left`: a part of it was done.
 * - `done`: it was run.
 * - `in doubt`: nothing tells.
 */
export type Verdict = 'run' | 'run what is left' | 'done' | 'in doubt'

/** A change of one object is done wholly or not at all (MariaDB 10.6, MySQL 8.0): the schema tells which. */
export function judge(effect: Effect, before: string | null, now: string): Verdict {
  if (effect === 'again') return 'run'
  if (before === null) return 'in doubt'
  const changed = before !== now
  if (effect === 'schema') return changed ? 'done' : 'run'
  if (effect === 'drops') return changed ? 'run what is left' : 'run'
  if (effect === 'renames') return changed ? 'done' : 'in doubt'
  return 'in doubt'
}

/** Whether the schema has to be looked at before it runs. */
export function needsFingerprint(effect: Effect): boolean {
  return effect === 'schema' || effect === 'drops' || effect === 'renames'
}

/** The same DROP for what is still there. */
export function dropWhatIsLeft(sql: string): string {
  return sql.replace(/^((?:\s|\/\*[^]*?\*\/)*drop\s+\w+\s+)(?!if\s+exists\b)/i, '$1IF EXISTS ')
}

/** Who may see and change the rows. */
import type { Saying } from '../finding.ts'
import { staying, type Watched } from '../watched.ts'

export function accessChange(watched: Watched): Saying[] {
  return staying(watched)
    .filter(({ before, after }) => before.access !== after.access)
    .map(({ after }) => ({
      rule: 'access-change',
      hazard: 'access-change',
      level: 'warning',
      message: `Roles or policies see more, or less, of ${after.name} than before.`,
      instead: null,
    }))
}

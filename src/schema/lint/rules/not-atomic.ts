/** What stands although a later statement fails. */
import type { Saying } from '../finding.ts'
import { newIndexes, nameOf, type Watched } from '../watched.ts'

export function notAtomic(watched: Watched): Saying[] {
  if (watched.inTransaction) return []
  const [index] = newIndexes(watched)
  return [
    {
      rule: 'not-atomic',
      hazard: index === undefined ? 'not-atomic' : 'index-build',
      level: 'note',
      message:
        index === undefined
          ? 'It runs outside of a transaction and stays done when what follows fails.'
          : `${index.name} is built beside the running work on ${nameOf(watched, index.table ?? '')}, outside of a transaction.`,
      instead: null,
    },
  ]
}

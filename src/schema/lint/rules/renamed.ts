/** The running application knows the old name until its next release. */
import type { Saying } from '../finding.ts'
import { changedColumns, nameOf, staying, type Watched } from '../watched.ts'

export function renamed(watched: Watched): Saying[] {
  const tables = staying(watched)
    .filter(({ before, after }) => 'rpmv'.includes(before.kind) && before.name !== after.name)
    .map(({ before, after }) => `${before.name} is called ${after.name} from then on`)
  const columns = changedColumns(watched)
    .filter(({ before, after }) => before.name !== after.name)
    .map(
      ({ before, after }) =>
        `${nameOf(watched, before.table)}.${before.name} is called ${after.name} from then on`,
    )
  return [...tables, ...columns].map(renamedSaying)
}

/** @param what `orders is called sales from then on` */
export function renamedSaying(what: string): Saying {
  return {
    rule: 'renamed',
    hazard: null,
    level: 'warning',
    message: `${what}: whatever uses the old name fails, on this tenant at once, on others when the rollout reaches them.`,
    instead:
      'Bring the new name beside the old one (a view, a second column), and remove the old one when nothing uses it.',
  }
}

/** Tables that are written anew: for as long as that takes, nobody reads or writes them. */
import type { Saying } from '../finding.ts'
import {
  changedColumns,
  isRewritten,
  isTruncation,
  large,
  nameOf,
  newColumns,
  rootOf,
  type Watched,
} from '../watched.ts'

export function tableRewrite(watched: Watched): Saying[] {
  if (isTruncation(watched)) return []
  const rewritten = large(watched).filter((one) => one.before.kind === 'r' && isRewritten(one))
  return [...new Set(rewritten.map(({ before }) => rootOf(watched, before.oid)))].map((table) => ({
    rule: 'table-rewrite',
    hazard: 'table-rewrite',
    level: 'error',
    message: `${nameOf(watched, table)} is written anew from end to end, its indexes with it; nobody can read or write it meanwhile.`,
    instead: insteadOf(watched, table),
  }))
}

function insteadOf(watched: Watched, table: string): string {
  const typed = changedColumns(watched).some(
    (one) => one.before.table === table && one.before.type !== one.after.type,
  )
  if (typed)
    return 'Add a column of the new type, keep it filled by a trigger, copy the old values in portions, then change places.'
  if (newColumns(watched).some((one) => one.table === table))
    return 'Add the column without a default, or with a constant one; set the values in portions; set the default.'
  return 'Do it table by table in a quiet hour, or with a tool that copies beside the running work (pg_repack).'
}

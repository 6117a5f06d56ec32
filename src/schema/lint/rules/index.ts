/** What is looked for in a statement that was seen to run. */
import type { Saying } from '../finding.ts'
import type { Watched } from '../watched.ts'
import { accessChange } from './access-change.ts'
import { dataLoss } from './data-loss.ts'
import { longLock } from './long-lock.ts'
import { mayFail } from './may-fail.ts'
import { notAtomic } from './not-atomic.ts'
import { renamed } from './renamed.ts'
import { tableRewrite } from './table-rewrite.ts'

export const RULES: readonly ((watched: Watched) => readonly Saying[])[] = [
  dataLoss,
  tableRewrite,
  longLock,
  mayFail,
  renamed,
  accessChange,
  notAtomic,
]

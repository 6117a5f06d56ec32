/** A thread that works on SQLite tenants: SQLite blocks whoever calls it, and a worker must keep its lease. */
import { parentPort } from 'node:worker_threads'
import { carryOut } from './apply.ts'
import type { SqliteJob } from './job.ts'

parentPort?.on('message', (job: SqliteJob) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  parentPort?.postMessage(carryOut(job))
})

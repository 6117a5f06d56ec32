/** The threads that work on SQLite tenants: a few per process, begun when first needed, each with one job at a time. */
import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { DatabaseFailure } from '../../engine/failure.ts'
import type { SqliteAnswer, SqliteJob } from './job.ts'

/** More would wait for the same disk. */
export const SQLITE_THREADS = Math.min(4, Math.max(2, availableParallelism()))

interface Task {
  readonly job: SqliteJob
  /** Asked when a thread is free: throws when the job is not to be begun any more. */
  readonly mayBegin: () => void
  readonly resolve: (answer: SqliteAnswer) => void
  readonly reject: (error: unknown) => void
}

const waiting: Task[] = []
const idle: Worker[] = []
let begun = 0

/** @throws whatever `mayBegin` throws; DatabaseFailure XX000 when the thread died */
export function onThread(job: SqliteJob, mayBegin: () => void): Promise<SqliteAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<SqliteAnswer>()
  waiting.push({ job, mayBegin, resolve, reject })
  next()
  return promise
}

function next(): void {
  while (waiting.length > 0 && (idle.length > 0 || begun < SQLITE_THREADS)) {
    const task = waiting.shift() as Task
    try {
      task.mayBegin()
    } catch (error) {
      task.reject(error)
      continue
    }
    give(idle.pop() ?? begin(), task)
  }
}

function begin(): Worker {
  begun += 1
  return new Worker(new URL(`./thread${extname(import.meta.filename)}`, import.meta.url))
}

/** A thread keeps the process alive only while it works. */
function give(worker: Worker, { job, resolve, reject }: Task): void {
  const finish = (settle: () => void): void => {
    worker.off('message', onMessage).off('error', onError)
    settle()
    next()
  }
  const onMessage = (answer: SqliteAnswer): void =>
    finish(() => {
      worker.unref()
      idle.push(worker)
      resolve(answer)
    })
  const onError = (cause: Error): void =>
    finish(() => {
      begun -= 1
      reject(
        new DatabaseFailure('XX000', `The thread that worked on ${job.path} failed: ${cause.message}`, {
          cause,
        }),
      )
    })
  worker.ref()
  worker.on('message', onMessage).on('error', onError)
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
  worker.postMessage(job)
}

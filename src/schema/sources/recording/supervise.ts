/**
 * The process in which a project's migrations are recorded: reads a job from its input, runs it in a thread that can
 * be ended whatever it does, writes the reply to its output. What the project prints goes nowhere.
 */
import { readFileSync, writeSync } from 'node:fs'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { RecordingJob, RecordingReply } from './protocol.ts'

const job = JSON.parse(readFileSync(0, 'utf8')) as RecordingJob
/** No migration needs so long to say its SQL, and no project to be loaded. */
const ENOUGH_MS = 20_000
let allowedMs = ENOUGH_MS
const worker = new Worker(new URL(`./worker${extname(import.meta.filename)}`, import.meta.url), {
  workerData: job,
  stdout: true,
  stderr: true,
})
let file = ''
let timer = setTimeout(expire, allowedMs)

worker.on('message', (message: RecordingReply | { readonly at: string }) => {
  if (!('at' in message)) return finish(message)
  file = message.at
  clearTimeout(timer)
  allowedMs = job.eachMs ?? ENOUGH_MS
  timer = setTimeout(expire, allowedMs)
})
worker.on('error', (error) => finish(failed(error instanceof Error ? error.message : String(error))))
worker.on('exit', () => finish(failed('it ended the process')))

function failed(message: string): RecordingReply {
  return { failure: { why: 'failed', file, message } }
}

function expire(): void {
  finish({ failure: { why: 'timeout', file, message: `it did not end within ${allowedMs / 1000} s` } })
}

/** The first reply counts: ending the thread makes further ones. */
function finish(reply: RecordingReply): void {
  const text = Buffer.from(JSON.stringify(reply))
  for (let at = 0; at < text.length;) at += writeSync(1, text, at)
  process.exit(0)
}

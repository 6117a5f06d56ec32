/** The thread in which a project's code runs, closed to the network: each migration up, then each of them back. */
import { parentPort as port, workerData } from 'node:worker_threads'
import { NeedsAnswer, takeQuestion } from './answers.ts'
import { knexRecorder } from './knex-recorder.ts'
import { nodePgMigrateRecorder } from './node-pg-migrate-recorder.ts'
import { LibraryMissing } from './project.ts'
import type {
  NoRecording,
  RecordedMigration,
  RecordedTool,
  Recording,
  RecordingFailure,
  RecordingJob,
  RecordingReply,
} from './protocol.ts'
import { NoWayBack, type Ran, type Recorder, type Unit } from './recorder.ts'
import { sealNetwork } from './seal.ts'
import { sequelizeRecorder } from './sequelize-recorder.ts'
import { typeormRecorder } from './typeorm-recorder.ts'
import { loadTypeScript } from './typescript.ts'

const RECORDERS: Record<RecordedTool, (job: RecordingJob) => Promise<Recorder>> = {
  knex: knexRecorder,
  sequelize: sequelizeRecorder,
  'node-pg-migrate': nodePgMigrateRecorder,
  typeorm: typeormRecorder,
}

class Failed extends Error {
  readonly failure: RecordingFailure
  constructor(failure: RecordingFailure, cause: unknown) {
    super(failure.message, { cause })
    this.failure = failure
  }
}

function post(message: RecordingReply | { readonly at: string }): void {
  port?.postMessage(message)
}

async function record(job: RecordingJob): Promise<RecordingReply> {
  const { units } = await RECORDERS[job.tool](job)
  const ups: Recording[] = []
  for (const unit of units) ups.push(await up(unit))
  const downs: (Recording | NoRecording)[] = []
  for (const unit of units.toReversed()) downs.unshift(await down(unit))
  const migrations = units.map(({ name, file }, index): RecordedMigration => ({
    name,
    file,
    up: ups[index]!,
    down: downs[index]!,
  }))
  return { migrations }
}

async function up(unit: Unit): Promise<Recording> {
  post({ at: unit.file })
  try {
    return await decided(unit, 'up')
  } catch (thrown) {
    throw new Failed(failureOf(thrown, unit.file, unit.path), thrown)
  }
}

/** A way back that fails is none: what it says is told to whoever asks for it. */
async function down(unit: Unit): Promise<Recording | NoRecording> {
  post({ at: unit.file })
  try {
    return await decided(unit, 'down')
  } catch (thrown) {
    if (thrown instanceof NoWayBack) return { missing: thrown.message }
    const { why, message } = failureOf(thrown, unit.file, unit.path)
    return { missing: why === 'answer' ? `its way back reads ${message}` : `its way back fails: ${message}` }
  }
}

/** What a migration did, if it does the same however many rows its changes meet. */
async function decided(unit: Unit, direction: 'up' | 'down'): Promise<Recording> {
  const first = await answerless(unit, direction, false)
  const kept = { statements: [...first.statements], transaction: first.transaction }
  if (!first.doubtful) return kept
  const second = await answerless(unit, direction, true)
  if (shapeOf(second) === shapeOf(first)) return kept
  throw new NeedsAnswer('how many rows a statement changed')
}

async function answerless(unit: Unit, direction: 'up' | 'down', none: boolean): Promise<Ran> {
  takeQuestion()
  try {
    const ran = await unit.run(direction, none)
    const question = takeQuestion()
    if (question !== undefined) throw question
    return ran
  } catch (thrown) {
    throw takeQuestion() ?? thrown
  }
}

/** Without values, which may be of the moment: times, random ids. */
function shapeOf({ statements }: Ran): string {
  return statements.map(({ sql }) => sql.replaceAll(/'(?:[^']|'')*'|\d+/g, '?')).join('\n')
}

function failureOf(thrown: unknown, file: string, path: string): RecordingFailure {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const line = lineIn(error.stack ?? '', path)
  if (thrown instanceof LibraryMissing) return { why: 'library', file, message: error.message }
  if (thrown instanceof NeedsAnswer) return { why: 'answer', file, message: thrown.what, line }
  return {
    why: 'failed',
    file,
    message: `${error.name === 'Error' ? '' : `${error.name}: `}${error.message}`,
    line,
  }
}

function lineIn(stack: string, path: string): number | undefined {
  const at = stack.indexOf(path)
  const line = at === -1 ? undefined : /^:(\d+)/.exec(stack.slice(at + path.length))?.[1]
  return line === undefined ? undefined : Number(line)
}

const job = workerData as RecordingJob
sealNetwork()
loadTypeScript()
try {
  post(await record(job))
} catch (thrown) {
  const cause = takeQuestion() ?? thrown
  post({ failure: thrown instanceof Failed ? thrown.failure : failureOf(cause, '', job.at) })
}

/** A control database with workers on it, for tests of durable operations. */
import { randomUUID } from 'node:crypto'
import pino from 'pino'
import { openControl, type Control } from '../../src/control/control.ts'
import { migrateControl } from '../../src/control/migrate.ts'
import type {
  Operation,
  OperationContext,
  OperationHandler,
  OperationOutcome,
} from '../../src/control/operations/operation.ts'
import { getOperation } from '../../src/control/operations/read.ts'
import { claimOperations, enqueueOperation } from '../../src/control/operations/store.ts'
import { registerWorker } from '../../src/control/workers.ts'
import { Worker, type SideWork } from '../../src/worker/worker.ts'
import { createDatabase } from './postgres.ts'
import { until } from './wait.ts'

export const SUCCESS: OperationOutcome = { state: 'succeeded', result: {} }

const idle: SideWork = {
  loads: [],
  wake: () => undefined,
  run: (_id, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
}

export type Work = (context: OperationContext) => Promise<OperationOutcome>

export interface OperationsKit {
  readonly control: Control
  /** A worker that knows operations of kind `test`. */
  readonly startWorker: (run: Work, facts?: Partial<OperationHandler>) => Promise<Worker>
  readonly enqueue: (input?: Record<string, unknown>, maxAttempts?: number) => Promise<Operation>
  readonly untilState: (id: string, state: string) => Promise<Operation>
  /** A worker of which only the row exists: it claims by hand and never renews. @returns its id. */
  readonly handWorker: () => Promise<string>
  readonly claim: (worker: string) => Promise<Operation[]>
  /** As `claim`, by a new worker, of the one operation that is there. */
  readonly claimOne: () => Promise<Operation>
  /** The lease of everything that this worker has runs out now. */
  readonly freeze: (worker: string) => Promise<void>
  /** Ends the workers and forgets all operations. */
  readonly clear: () => Promise<void>
  readonly close: () => Promise<void>
}

export async function openOperations(): Promise<OperationsKit> {
  const database = await createDatabase('operations')
  const control = openControl({ url: database.dsn })
  await migrateControl(control)
  const workers: Worker[] = []
  const handWorker = async (): Promise<string> => {
    const id = randomUUID()
    await registerWorker(control, { id, host: 'test', pid: 1 })
    return id
  }
  const claim = (worker: string): Promise<Operation[]> =>
    claimOperations(control, { id: worker, kinds: ['test'], limit: 10 })
  return {
    control,
    async startWorker(run, facts = {}) {
      const parts = {
        control,
        controlUrl: database.dsn,
        host: 'test',
        sideWork: idle,
        log: pino({ level: 'silent' }),
      }
      const worker = new Worker({ ...parts, handlers: { test: { run, ...facts } } })
      workers.push(worker)
      await worker.start()
      return worker
    },
    enqueue: (input = {}, maxAttempts = 5) =>
      enqueueOperation(control, { kind: 'test', input, createdBy: 'test', maxAttempts }),
    untilState: (id, state) =>
      until(
        async () => {
          const operation = await getOperation(control, id)
          if (operation.state === state) return operation
          throw new Error(`it is ${JSON.stringify(operation)}`)
        },
        { what: `the operation to be ${state}` },
      ),
    handWorker,
    claim,
    async claimOne() {
      const [claimed] = await claim(await handWorker())
      if (claimed === undefined) throw new Error('nothing was claimed')
      return claimed
    },
    async freeze(worker) {
      const past = `clock_timestamp() - interval '1 second'`
      await control.query(`update tenantry.workers set lease_until = ${past} where id = $1`, [worker])
      await control.query(`update tenantry.operations set lease_until = ${past} where worker_id = $1`, [
        worker,
      ])
    },
    async clear() {
      await Promise.all(workers.splice(0).map((worker) => worker.drain()))
      await control.query('delete from tenantry.operations')
      await control.query('delete from tenantry.workers')
    },
    async close() {
      await control.close()
      await database.drop()
    },
  }
}

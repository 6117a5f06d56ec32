/** Durable operations on a real control database: leases, fences, steps, wake-ups, schedules. */
import { randomUUID } from 'node:crypto'
import pino from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { openControl, type Control } from '../../src/control/control.ts'
import { migrateControl } from '../../src/control/migrate.ts'
import {
  FencedError,
  type Operation,
  type OperationContext,
  type OperationHandler,
  type OperationOutcome,
} from '../../src/control/operations/operation.ts'
import { getOperation, listSteps } from '../../src/control/operations/read.ts'
import {
  claimOperations,
  endOperation,
  enqueueOperation,
  requestCancel,
  retryOperation,
  wakeOperation,
} from '../../src/control/operations/store.ts'
import { registerWorker } from '../../src/control/workers.ts'
import { TenantryError } from '../../src/lib/errors.ts'
import { Worker, type SideWork } from '../../src/worker/worker.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { until } from '../support/wait.ts'

let database: TestDatabase
let control: Control
const workers: Worker[] = []
const SUCCESS: OperationOutcome = { state: 'succeeded', result: {} }

const idle: SideWork = {
  loads: [],
  wake: () => undefined,
  run: (_id, signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
}

beforeAll(async () => {
  database = await createDatabase('operations')
  control = openControl({ url: database.dsn })
  await migrateControl(control)
})
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.drain()))
  await control.query('delete from tenantry.operations')
  await control.query('delete from tenantry.workers')
})
afterAll(async () => {
  await control.close()
  await database.drop()
})

type Work = (context: OperationContext) => Promise<OperationOutcome>

async function startWorker(run: Work, facts: Partial<OperationHandler> = {}): Promise<Worker> {
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
}

function enqueue(input: Record<string, unknown> = {}, maxAttempts = 5): Promise<Operation> {
  return enqueueOperation(control, { kind: 'test', input, createdBy: 'test', maxAttempts })
}

function untilState(id: string, state: string): Promise<Operation> {
  return until(
    async () => {
      const operation = await getOperation(control, id)
      if (operation.state === state) return operation
      throw new Error(`it is ${JSON.stringify(operation)}`)
    },
    { what: `the operation to be ${state}` },
  )
}

/** A worker of which only the row exists: it claims by hand and never renews. */
async function handWorker(): Promise<string> {
  const id = randomUUID()
  await registerWorker(control, { id, host: 'test', pid: 1 })
  return id
}

async function claim(worker: string): Promise<Operation[]> {
  return claimOperations(control, { id: worker, kinds: ['test'], limit: 10 })
}

/** The lease of everything that this worker has runs out now. */
async function freeze(worker: string): Promise<void> {
  const past = `clock_timestamp() - interval '1 second'`
  await control.query(`update tenantry.workers set lease_until = ${past} where id = $1`, [worker])
  await control.query(`update tenantry.operations set lease_until = ${past} where worker_id = $1`, [worker])
}

describe('claiming', () => {
  test('each operation is claimed by one of many', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => enqueue()))
    const hands = await Promise.all(Array.from({ length: 6 }, handWorker))
    const claimed = (await Promise.all(hands.map(claim))).flat()
    expect(claimed.map((operation) => operation.id).toSorted()).toEqual(
      made.map((operation) => operation.id).toSorted(),
    )
    expect(new Set(claimed.map((operation) => operation.epoch))).toEqual(new Set([1]))
  })

  test('a worker without a lease, or that knows no such kind, gets none', async () => {
    await enqueue()
    const hand = await handWorker()
    expect(await claimOperations(control, { id: hand, kinds: ['other'], limit: 10 })).toEqual([])
    await freeze(hand)
    expect(await claim(hand)).toEqual([])
    expect(await claim(randomUUID())).toEqual([])
  })

  test('what a frozen worker had is claimed anew, and the frozen one can no longer end it', async () => {
    const { id } = await enqueue()
    const [first, second] = [await handWorker(), await handWorker()]
    const [old] = await claim(first)
    expect(await claim(second)).toEqual([])
    await freeze(first)
    const [current] = await claim(second)
    expect(current).toMatchObject({ id, epoch: 2, attempts: 2 })
    if (old === undefined || current === undefined) throw new Error('not claimed')
    const end = { state: 'succeeded', result: { by: 'the frozen one' } } as const
    await expect(control.transaction((tx) => endOperation(tx, old, end))).rejects.toThrow(FencedError)
    expect(await getOperation(control, id)).toMatchObject({ state: 'running', result: null })
    await control.transaction((tx) => endOperation(tx, current, { state: 'succeeded', result: {} }))
    await expect(control.transaction((tx) => endOperation(tx, current, end))).rejects.toThrow(FencedError)
  })
})

describe('a life', () => {
  test('steps are done once over all lives; a later life gets the kept results', async () => {
    const done: string[] = []
    let lives = 0
    await startWorker(async (context) => {
      lives += 1
      const step = (name: string): Promise<{ name: string; life: number }> =>
        context.step(name, async () => {
          done.push(name)
          return { name, life: lives }
        })
      const one = await step('one')
      if (lives === 1) throw new TenantryError('control_unavailable', 'lost its way', { retryable: true })
      const two = await step('two')
      return { state: 'succeeded', result: { one, two } }
    })
    const { id } = await enqueue()
    const ended = await untilState(id, 'succeeded')
    expect(ended.result).toEqual({ one: { name: 'one', life: 1 }, two: { name: 'two', life: 2 } })
    expect(ended.attempts).toBe(2)
    expect(done).toEqual(['one', 'two'])
    expect((await listSteps(control, id)).map((step) => step.name)).toEqual(['one', 'two'])
  })

  test('a life that lost its epoch keeps no step, writes no progress and does not end the operation', async () => {
    const begun = Promise.withResolvers<OperationContext>()
    const goOn = Promise.withResolvers<undefined>()
    const outcomes: unknown[] = []
    let lives = 0
    await startWorker(async (context) => {
      lives += 1
      if (lives > 1) return { state: 'succeeded', result: { life: lives } }
      begun.resolve(context)
      await goOn.promise
      const tries = [
        () => context.step('late', async () => 'done'),
        () => context.progress({ late: true }),
        () => context.event('late', {}),
        () => context.fenced((tx) => tx.query(`select 1`)),
      ]
      for (const attempt of tries)
        outcomes.push(
          await attempt().then(
            () => 'went through',
            (error: unknown) => error,
          ),
        )
      return { state: 'succeeded', result: { life: 1 } }
    })
    const { id } = await enqueue()
    await begun.promise
    // Another worker has taken over and finished.
    await control.query(
      `update tenantry.operations set epoch = epoch + 1, worker_id = null, state = 'succeeded', result = '{"by":"other"}' where id = $1`,
      [id],
    )
    goOn.resolve(undefined)
    await until(() => outcomes.length === 4, { what: 'all four tries' })
    expect(outcomes.every((outcome) => outcome instanceof FencedError)).toBe(true)
    await workers.pop()?.drain()
    expect(await getOperation(control, id)).toMatchObject({
      state: 'succeeded',
      result: { by: 'other' },
      progress: {},
    })
    expect(await listSteps(control, id)).toEqual([])
  })

  test('an error worth another try is tried again later, others fail at once with what to do', async () => {
    let lives = 0
    await startWorker(async (context) => {
      lives += 1
      if (context.operation.input['passes'] === true)
        throw new TenantryError('server_unreachable', 'later', { retryable: true })
      throw new TenantryError('conflict', 'There is one already.', { nextSteps: ['Look at it.'] })
    })
    const hopeless = await enqueue()
    expect(await untilState(hopeless.id, 'failed')).toMatchObject({
      attempts: 1,
      error: { code: 'conflict', message: 'There is one already.', nextSteps: ['Look at it.'] },
    })
    lives = 0
    const passing = await enqueue({ passes: true }, 2)
    expect(await untilState(passing.id, 'failed')).toMatchObject({
      attempts: 2,
      error: { code: 'server_unreachable' },
    })
    expect(lives).toBe(2)
  })

  test('one that kills its worker every time is given up', async () => {
    const { id } = await enqueue({}, 2)
    for (const life of [1, 2]) {
      const hand = await handWorker()
      expect(await claim(hand)).toMatchObject([{ attempts: life }])
      await freeze(hand)
    }
    let ran = false
    await startWorker(async () => {
      ran = true
      return SUCCESS
    })
    expect((await untilState(id, 'failed')).error?.message).toContain('Given up after 2 attempts')
    expect(ran).toBe(false)
  })

  test('a failed one that is retried goes on from the step at which it failed', async () => {
    let broken = true
    const done: string[] = []
    await startWorker(async (context) => {
      await context.step('one', async () => void done.push('one'))
      if (broken) throw new TenantryError('conflict', 'not yet')
      await context.step('two', async () => void done.push('two'))
      return SUCCESS
    })
    const { id } = await enqueue()
    await untilState(id, 'failed')
    broken = false
    expect(await control.transaction((tx) => retryOperation(tx, id))).toMatchObject({
      state: 'queued',
      error: null,
    })
    await untilState(id, 'succeeded')
    expect(done).toEqual(['one', 'two'])
    await expect(control.transaction((tx) => retryOperation(tx, id))).rejects.toMatchObject({
      code: 'conflict',
    })
  })
})

describe('draining and losing the lease', () => {
  test('a draining worker gives the operation back, without counting the try; another goes on', async () => {
    const lives: string[] = []
    const work: Work = async (context) => {
      lives.push('begun')
      if (lives.length > 1) return SUCCESS
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
      context.signal.throwIfAborted()
      return SUCCESS
    }
    const first = await startWorker(work)
    const { id } = await enqueue()
    await until(() => lives.length === 1, { what: 'the first life' })
    await first.drain()
    expect(await getOperation(control, id)).toMatchObject({ state: 'queued', attempts: 0 })
    await startWorker(work)
    expect(await untilState(id, 'succeeded')).toMatchObject({ attempts: 1, epoch: 2 })
    expect(await control.query('select id from tenantry.workers where id = $1', [first.id])).toEqual([])
  })

  test('a worker that lost its lease lets go, takes another identity and works on', async () => {
    const reasons: unknown[] = []
    const worker = await startWorker(async (context) => {
      if (context.operation.attempts > 1) return SUCCESS
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
      reasons.push(context.signal.reason)
      throw new Error('let go')
    })
    const { id } = await enqueue()
    await untilState(id, 'running')
    const before = worker.id
    await freeze(before)
    const ended = await untilState(id, 'succeeded')
    expect(ended).toMatchObject({ epoch: 2, attempts: 2 })
    expect(reasons).toEqual(['lease lost'])
    expect(worker.id).not.toBe(before)
  })
})

describe('waking', () => {
  test('one that waits runs when it is woken', async () => {
    let lives = 0
    await startWorker(async () => {
      lives += 1
      return lives === 1 ? { state: 'waiting' } : SUCCESS
    })
    const { id } = await enqueue()
    await untilState(id, 'waiting')
    await control.transaction((tx) => wakeOperation(tx, id))
    await untilState(id, 'succeeded')
  })

  test('a wake-up while it is about to wait, or to end, is not lost', async () => {
    let lives = 0
    await startWorker(async (context) => {
      lives += 1
      if (lives < 3) await control.transaction((tx) => wakeOperation(tx, context.operation.id))
      return lives === 1 ? { state: 'waiting' } : SUCCESS
    })
    const { id } = await enqueue()
    await until(() => lives === 3, { what: 'three lives' })
    expect((await untilState(id, 'succeeded')).epoch).toBe(3)
  })

  test('a sleeping one is woken by a notification, long before its time', async () => {
    const slept = Promise.withResolvers<number>()
    await startWorker(async (context) => {
      const from = performance.now()
      await context.sleep(30_000)
      slept.resolve(performance.now() - from)
      return SUCCESS
    })
    const { id } = await enqueue()
    await untilState(id, 'running')
    await until(
      async () => {
        await control.transaction((tx) => wakeOperation(tx, id))
        return Promise.race([slept.promise, Promise.resolve(false as const)])
      },
      { what: 'the sleep to end' },
    )
    expect(await slept.promise).toBeLessThan(10_000)
  })
})

describe('cancelling', () => {
  test('one that never ran ends at once, and no worker runs it', async () => {
    const { id } = await enqueue()
    expect(await control.transaction((tx) => requestCancel(tx, id))).toMatchObject({ state: 'cancelled' })
    expect(await claim(await handWorker())).toEqual([])
    await expect(control.transaction((tx) => requestCancel(tx, id))).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  test('a running one is told, and ends as cancelled', async () => {
    await startWorker(async (context) => {
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
      throw new Error('told to end')
    })
    const { id } = await enqueue()
    await untilState(id, 'running')
    await control.transaction((tx) => requestCancel(tx, id))
    expect(await untilState(id, 'cancelled')).toMatchObject({ error: null })
  })

  test('one that waits for its next try ends without waiting for it', async () => {
    const { id } = await enqueue()
    const [claimed] = await claim(await handWorker())
    if (claimed === undefined) throw new Error('not claimed')
    await control.transaction((tx) => endOperation(tx, claimed, { state: 'queued', afterMs: 3_600_000 }))
    await control.transaction((tx) => requestCancel(tx, id))
    await startWorker(async () => SUCCESS)
    await untilState(id, 'cancelled')
  })

  test('a cancellation while it is about to wait is not lost', async () => {
    const { id } = await enqueue()
    const [claimed] = await claim(await handWorker())
    if (claimed === undefined) throw new Error('not claimed')
    await control.transaction((tx) => requestCancel(tx, id))
    await control.transaction((tx) => endOperation(tx, claimed, { state: 'waiting' }))
    await startWorker(async () => SUCCESS)
    await untilState(id, 'cancelled')
  })

  test('one that ends in order is run for it, and may say what became of it', async () => {
    const { id } = await enqueue()
    const [claimed] = await claim(await handWorker())
    if (claimed === undefined) throw new Error('not claimed')
    await control.transaction((tx) => requestCancel(tx, id))
    await control.transaction((tx) => endOperation(tx, claimed, { state: 'queued', afterMs: 3_600_000 }))
    await startWorker(
      async (context) => ({ state: 'cancelled', result: { cancelled: context.operation.cancel_requested } }),
      {
        runsWhenCancelled: true,
      },
    )
    expect((await untilState(id, 'cancelled')).result).toEqual({ cancelled: true })
  })
})

/** Durable operations on a real control database: leases, fences, steps. */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { FencedError, type OperationContext } from '../../src/control/operations/operation.ts'
import { getOperation, listSteps } from '../../src/control/operations/read.ts'
import { claimOperations, endOperation, retryOperation } from '../../src/control/operations/store.ts'
import { TenantryError } from '../../src/lib/errors.ts'
import { openOperations, SUCCESS, type OperationsKit, type Work } from '../support/operations.ts'
import { until } from '../support/wait.ts'

let kit: OperationsKit

beforeAll(async () => {
  kit = await openOperations()
})
afterEach(() => kit.clear())
afterAll(() => kit.close())

describe('claiming', () => {
  test('each operation is claimed by one of many', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => kit.enqueue()))
    const hands = await Promise.all(Array.from({ length: 6 }, kit.handWorker))
    const claimed = (await Promise.all(hands.map(kit.claim))).flat()
    expect(claimed.map((operation) => operation.id).toSorted()).toEqual(
      made.map((operation) => operation.id).toSorted(),
    )
    expect(new Set(claimed.map((operation) => operation.epoch))).toEqual(new Set([1]))
  })

  test('a worker without a lease, or that knows no such kind, gets none', async () => {
    await kit.enqueue()
    const hand = await kit.handWorker()
    expect(await claimOperations(kit.control, { id: hand, kinds: ['other'], limit: 10 })).toEqual([])
    await kit.freeze(hand)
    expect(await kit.claim(hand)).toEqual([])
    expect(await kit.claim(randomUUID())).toEqual([])
  })

  test('what a frozen worker had is claimed anew, and the frozen one can no longer end it', async () => {
    const { id } = await kit.enqueue()
    const [first, second] = [await kit.handWorker(), await kit.handWorker()]
    const [old] = await kit.claim(first)
    expect(await kit.claim(second)).toEqual([])
    await kit.freeze(first)
    const [current] = await kit.claim(second)
    expect(current).toMatchObject({ id, epoch: 2, attempts: 2 })
    if (old === undefined || current === undefined) throw new Error('not claimed')
    const end = { state: 'succeeded', result: { by: 'the frozen one' } } as const
    await expect(kit.control.transaction((tx) => endOperation(tx, old, end))).rejects.toThrow(FencedError)
    expect(await getOperation(kit.control, id)).toMatchObject({ state: 'running', result: null })
    await kit.control.transaction((tx) => endOperation(tx, current, { state: 'succeeded', result: {} }))
    await expect(kit.control.transaction((tx) => endOperation(tx, current, end))).rejects.toThrow(FencedError)
  })
})

describe('a life', () => {
  test('steps are done once over all lives; a later life gets the kept results', async () => {
    const done: string[] = []
    let lives = 0
    await kit.startWorker(async (context) => {
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
    const { id } = await kit.enqueue()
    const ended = await kit.untilState(id, 'succeeded')
    expect(ended.result).toEqual({ one: { name: 'one', life: 1 }, two: { name: 'two', life: 2 } })
    expect(ended.attempts).toBe(2)
    expect(done).toEqual(['one', 'two'])
    expect((await listSteps(kit.control, id)).map((step) => step.name)).toEqual(['one', 'two'])
  })

  test('a life that lost its epoch keeps no step, writes no progress and does not end the operation', async () => {
    const begun = Promise.withResolvers<OperationContext>()
    const goOn = Promise.withResolvers<undefined>()
    const outcomes: unknown[] = []
    let lives = 0
    const worker = await kit.startWorker(async (context) => {
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
    const { id } = await kit.enqueue()
    await begun.promise
    // Another worker has taken over and finished.
    await kit.control.query(
      `update tenantry.operations set epoch = epoch + 1, worker_id = null, state = 'succeeded', result = '{"by":"other"}' where id = $1`,
      [id],
    )
    goOn.resolve(undefined)
    await until(() => outcomes.length === 4, { what: 'all four tries' })
    expect(outcomes.every((outcome) => outcome instanceof FencedError)).toBe(true)
    await worker.drain()
    expect(await getOperation(kit.control, id)).toMatchObject({
      state: 'succeeded',
      result: { by: 'other' },
      progress: {},
    })
    expect(await listSteps(kit.control, id)).toEqual([])
  })

  test('an error worth another try is tried again later, others fail at once with what to do', async () => {
    let lives = 0
    await kit.startWorker(async (context) => {
      lives += 1
      if (context.operation.input['passes'] === true)
        throw new TenantryError('server_unreachable', 'later', { retryable: true })
      throw new TenantryError('conflict', 'There is one already.', { nextSteps: ['Look at it.'] })
    })
    const hopeless = await kit.enqueue()
    expect(await kit.untilState(hopeless.id, 'failed')).toMatchObject({
      attempts: 1,
      error: { code: 'conflict', message: 'There is one already.', nextSteps: ['Look at it.'] },
    })
    lives = 0
    const passing = await kit.enqueue({ passes: true }, 2)
    expect(await kit.untilState(passing.id, 'failed')).toMatchObject({
      attempts: 2,
      error: { code: 'server_unreachable' },
    })
    expect(lives).toBe(2)
  })

  test('one that kills its worker every time is given up', async () => {
    const { id } = await kit.enqueue({}, 2)
    for (const life of [1, 2]) {
      const hand = await kit.handWorker()
      expect(await kit.claim(hand)).toMatchObject([{ attempts: life }])
      await kit.freeze(hand)
    }
    let ran = false
    await kit.startWorker(async () => {
      ran = true
      return SUCCESS
    })
    expect((await kit.untilState(id, 'failed')).error?.message).toContain('Given up after 2 attempts')
    expect(ran).toBe(false)
  })

  test('a failed one that is retried goes on from the step at which it failed', async () => {
    let broken = true
    const done: string[] = []
    await kit.startWorker(async (context) => {
      await context.step('one', async () => void done.push('one'))
      if (broken) throw new TenantryError('conflict', 'not yet')
      await context.step('two', async () => void done.push('two'))
      return SUCCESS
    })
    const { id } = await kit.enqueue()
    await kit.untilState(id, 'failed')
    broken = false
    expect(await kit.control.transaction((tx) => retryOperation(tx, id))).toMatchObject({
      state: 'queued',
      error: null,
    })
    await kit.untilState(id, 'succeeded')
    expect(done).toEqual(['one', 'two'])
    await expect(kit.control.transaction((tx) => retryOperation(tx, id))).rejects.toMatchObject({
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
    const first = await kit.startWorker(work)
    const { id } = await kit.enqueue()
    await until(() => lives.length === 1, { what: 'the first life' })
    await first.drain()
    expect(await getOperation(kit.control, id)).toMatchObject({ state: 'queued', attempts: 0 })
    await kit.startWorker(work)
    expect(await kit.untilState(id, 'succeeded')).toMatchObject({ attempts: 1, epoch: 2 })
    expect(await kit.control.query('select id from tenantry.workers where id = $1', [first.id])).toEqual([])
  })

  test('a worker that lost its lease lets go, takes another identity and works on', async () => {
    const reasons: unknown[] = []
    const worker = await kit.startWorker(async (context) => {
      if (context.operation.attempts > 1) return SUCCESS
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
      reasons.push(context.signal.reason)
      throw new Error('let go')
    })
    const { id } = await kit.enqueue()
    await kit.untilState(id, 'running')
    const before = worker.id
    await kit.freeze(before)
    const ended = await kit.untilState(id, 'succeeded')
    expect(ended).toMatchObject({ epoch: 2, attempts: 2 })
    expect(reasons).toEqual(['lease lost'])
    expect(worker.id).not.toBe(before)
  })
})

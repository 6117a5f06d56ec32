/** Waking and cancelling durable operations: neither is ever lost. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { endOperation, requestCancel, wakeOperation } from '../../src/control/operations/store.ts'
import { openOperations, SUCCESS, type OperationsKit } from '../support/operations.ts'
import { until } from '../support/wait.ts'

let kit: OperationsKit

beforeAll(async () => {
  kit = await openOperations()
})
afterEach(() => kit.clear())
afterAll(() => kit.close())

describe('waking', () => {
  test('one that waits runs when it is woken', async () => {
    let lives = 0
    await kit.startWorker(async () => {
      lives += 1
      return lives === 1 ? { state: 'waiting' } : SUCCESS
    })
    const { id } = await kit.enqueue()
    await kit.untilState(id, 'waiting')
    await kit.control.transaction((tx) => wakeOperation(tx, id))
    expect(await kit.untilState(id, 'succeeded')).toMatchObject({ epoch: 2 })
  })

  test('a wake-up while it is about to wait, or to end, is not lost', async () => {
    let lives = 0
    await kit.startWorker(async (context) => {
      lives += 1
      if (lives < 3) await kit.control.transaction((tx) => wakeOperation(tx, context.operation.id))
      return lives === 1 ? { state: 'waiting' } : SUCCESS
    })
    const { id } = await kit.enqueue()
    await until(() => lives === 3, { what: 'three lives' })
    expect((await kit.untilState(id, 'succeeded')).epoch).toBe(3)
  })

  test('a sleeping one is woken by a notification, long before its time', async () => {
    const slept = Promise.withResolvers<number>()
    await kit.startWorker(async (context) => {
      const from = performance.now()
      await context.sleep(30_000)
      slept.resolve(performance.now() - from)
      return SUCCESS
    })
    const { id } = await kit.enqueue()
    await kit.untilState(id, 'running')
    await until(
      async () => {
        await kit.control.transaction((tx) => wakeOperation(tx, id))
        return Promise.race([slept.promise, Promise.resolve(false as const)])
      },
      { what: 'the sleep to end' },
    )
    expect(await slept.promise).toBeLessThan(10_000)
  })
})

describe('cancelling', () => {
  test('one that never ran ends at once, and no worker runs it', async () => {
    const { id } = await kit.enqueue()
    expect(await kit.control.transaction((tx) => requestCancel(tx, id))).toMatchObject({ state: 'cancelled' })
    expect(await kit.claim(await kit.handWorker())).toEqual([])
    await expect(kit.control.transaction((tx) => requestCancel(tx, id))).rejects.toMatchObject({
      code: 'conflict',
    })
  })

  test('a running one is told, and ends as cancelled', async () => {
    await kit.startWorker(async (context) => {
      await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
      throw new Error('told to end')
    })
    const { id } = await kit.enqueue()
    await kit.untilState(id, 'running')
    await kit.control.transaction((tx) => requestCancel(tx, id))
    expect(await kit.untilState(id, 'cancelled')).toMatchObject({ error: null })
  })

  test('one that waits for its next try ends without waiting for it', async () => {
    const { id } = await kit.enqueue()
    const claimed = await kit.claimOne()
    await kit.control.transaction((tx) => endOperation(tx, claimed, { state: 'queued', afterMs: 3_600_000 }))
    await kit.control.transaction((tx) => requestCancel(tx, id))
    await kit.startWorker(async () => SUCCESS)
    expect(await kit.untilState(id, 'cancelled')).toMatchObject({ result: null })
  })

  test('a cancellation while it is about to wait is not lost', async () => {
    const { id } = await kit.enqueue()
    const claimed = await kit.claimOne()
    await kit.control.transaction((tx) => requestCancel(tx, id))
    await kit.control.transaction((tx) => endOperation(tx, claimed, { state: 'waiting' }))
    await kit.startWorker(async () => SUCCESS)
    expect(await kit.untilState(id, 'cancelled')).toMatchObject({ result: null })
  })

  test('one that ends in order is run for it, and may say what became of it', async () => {
    const { id } = await kit.enqueue()
    const claimed = await kit.claimOne()
    await kit.control.transaction((tx) => requestCancel(tx, id))
    await kit.control.transaction((tx) => endOperation(tx, claimed, { state: 'queued', afterMs: 3_600_000 }))
    await kit.startWorker(
      async (context) => ({ state: 'cancelled', result: { cancelled: context.operation.cancel_requested } }),
      {
        runsWhenCancelled: true,
      },
    )
    expect((await kit.untilState(id, 'cancelled')).result).toEqual({ cancelled: true })
  })
})

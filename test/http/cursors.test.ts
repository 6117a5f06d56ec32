import { afterAll, beforeAll, expect, test } from 'vitest'
import { enqueueOperation } from '../../src/control/operations/store.ts'
import { startTestApi, type TestApi } from './api.ts'

let api: TestApi
const ids: string[] = []

beforeAll(async () => {
  api = await startTestApi()
  await api.app.control.transaction(async (tx) => {
    for (let n = 0; n < 25; n++) {
      const kind = n % 5 === 0 ? 'simulate' : 'discover'
      ids.unshift((await enqueueOperation(tx, { kind, input: {}, createdBy: 'test' })).id)
    }
    // Within one millisecond, some at the very same moment: what a JavaScript date cannot tell apart.
    await tx.query(
      `update tenantry.operations set created_at = '2026-01-01T00:00:00.000Z'::timestamptz
         + (place / 2) * interval '7 microseconds'
       from unnest($1::uuid[]) with ordinality as listed (operation_id, place) where id = operation_id`,
      [ids.toReversed()],
    )
  })
})
afterAll(() => api.close())

async function readAll(path: string, limit: number): Promise<{ ids: string[]; pages: number }> {
  const found: string[] = []
  let cursor: string | null = null
  let pages = 0
  do {
    const next: string = cursor === null ? '' : `&cursor=${cursor}`
    const { status, body } = await api.ask('GET', `${path}limit=${limit}${next}`)
    expect(status).toBe(200)
    expect(body.items.length).toBeLessThanOrEqual(limit)
    found.push(...body.items.map((item: { id: string }) => item.id))
    cursor = body.next_cursor
    pages += 1
  } while (cursor !== null)
  return { ids: found, pages }
}

test.each([1, 3, 7, 25, 100])('pages of %i give every row once, in one order', async (limit) => {
  const [whole, paged] = [await readAll('/operations?', 100), await readAll('/operations?', limit)]
  expect(whole.ids).toHaveLength(25)
  expect(paged.ids).toEqual(whole.ids)
  expect(paged.pages).toBeGreaterThanOrEqual(Math.ceil(25 / limit))
})

test('pages keep their filters', async () => {
  const { ids: found } = await readAll('/operations?kind=simulate&', 2)
  expect(found).toHaveLength(5)
})

test('rows that come while one reads do not shift the pages', async () => {
  const first = await api.ask('GET', '/operations?limit=10')
  const late = await enqueueOperation(api.app.control, { kind: 'discover', input: {}, createdBy: 'test' })
  const second = await api.ask('GET', `/operations?limit=100&cursor=${first.body.next_cursor}`)
  const found = [...first.body.items, ...second.body.items].map((item: { id: string }) => item.id)
  expect(new Set(found).size).toBe(25)
  expect(found).not.toContain(late.id)
})

test('a cursor with other filters: 400', async () => {
  const { body } = await api.ask('GET', '/operations?kind=discover&limit=2')
  for (const query of ['kind=simulate', 'kind=discover&state=queued', '']) {
    const answered = await api.ask('GET', `/operations?${query}&cursor=${body.next_cursor}`)
    expect([query, answered.status, answered.body.code]).toEqual([query, 400, 'malformed_request'])
    expect(answered.body.errors[0].pointer).toBe('/query/cursor')
  }
  expect((await api.ask('GET', `/operations?kind=discover&limit=9&cursor=${body.next_cursor}`)).status).toBe(
    200,
  )
})

test('a cursor that nobody made: 400', async () => {
  const { body } = await api.ask('GET', '/operations?limit=2')
  const forged = [
    'x',
    '%00',
    'e30',
    `${body.next_cursor}x`,
    String(body.next_cursor).slice(2),
    Buffer.from(JSON.stringify({ k: "' or 1=1 --", f: 'x' })).toString('base64url'),
    Buffer.from('null').toString('base64url'),
  ]
  for (const cursor of forged) {
    const answered = await api.ask('GET', `/operations?cursor=${cursor}`)
    expect([cursor, answered.status >= 400 && answered.status < 500]).toEqual([cursor, true])
  }
})

test('tokens and the audit log are read page by page too', async () => {
  for (let n = 0; n < 7; n++)
    await api.ask('POST', '/tokens', { body: { name: `t${n}`, scopes: ['simulate'] } })
  expect((await readAll('/tokens?', 3)).ids).toHaveLength(8)
  const first = await api.ask('GET', '/audit?action=tokens.create&limit=4')
  const second = await api.ask('GET', `/audit?action=tokens.create&limit=4&cursor=${first.body.next_cursor}`)
  const numbers = [...first.body.items, ...second.body.items].map((item: { seq: number }) => item.seq)
  expect(numbers).toEqual([7, 6, 5, 4, 3, 2, 1])
  expect(second.body.next_cursor).toBeNull()
})

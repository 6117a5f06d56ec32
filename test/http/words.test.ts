/** What is said of a value that does not fit: a sentence with an example, never a pattern. */
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDirectory } from '../support/directories.ts'
import { startTestApi, type TestApi } from './api.ts'

let api: TestApi
let occupied: string

beforeAll(async () => {
  occupied = path.join(await testDirectory('words'), 'occupied')
  await writeFile(occupied, '')
  api = await startTestApi({ environment: { SQL_VERSIONS_DIR: path.join(occupied, 'versions') } })
})
afterAll(() => api.close())

const schedule = (kind: string, input: object): unknown => ({ kind, cron: '0 3 * * *', input })

test.each([
  ['POST', '/schema/propagate', { version_id: '20260112_143000', lock_timeout: '2 seconds' }, /e\.g\. 2s/],
  ['POST', '/schema/propagate', { version_id: '20260112_143000', statement_timeout: 'x' }, /e\.g\. 30min/],
  ['POST', '/schema/versions', { version_id: 'x', description: 'x', upgrade_sql: '' }, /20260112_143000/],
  ['PUT', '/schedules/Nightly', schedule('drift-scan', {}), /e\.g\. nightly-drift/],
  ['PUT', '/schedules/nightly', schedule('drift-scan', { expected: 'x' }), /64 hexadecimal digits/],
  ['PUT', '/schedules/nightly', schedule('simulate-cleanup', { prefix: 'X' }), /e\.g\. sim_/],
  ['POST', '/servers', { name: 'PG 1', dsn: 'postgres://a@b/c' }, /e\.g\. pg-1/],
  ['POST', '/servers', { name: 'pg-1', dsn: 'postgres://a@b/c', labels: { '1': 'x' } }, /e\.g\. region/],
  ['GET', '/drift/x', undefined, /tenantry drift list/],
  [
    'POST',
    '/schema/diff',
    { from: 'shop', to: { stored: 'shop' } },
    /one of \{"snapshot".*tenantry schema diff/,
  ],
])('%s %s %j', async (method, at, body, said) => {
  const { status, body: problem, text } = await api.ask(method, at, { body })
  expect(status).toBe(422)
  expect(problem.detail).toMatch(said)
  expect(text).not.toMatch(/must match pattern|\/\^/)
})

test('a version whose files cannot be written is not stored, and the next try is as the first', async () => {
  const folder = path.join(api.app.config.directory, 'migrations')
  await mkdir(folder)
  await writeFile(path.join(folder, '1_items.sql'), 'create table items ()')
  const body = { description: 'items', source: 'migrations' }
  for (const _ of [1, 2]) {
    const { status, body: problem } = await api.ask('POST', '/schema/generate', { body })
    expect(status).toBe(409)
    expect(problem.detail).toContain(`cannot be written to ${path.join(occupied, 'versions')}`)
    expect(problem.detail).toMatch(/ENOTDIR.*Nothing was stored/)
  }
  expect((await api.ask('GET', '/schema/versions')).body.items).toEqual([])
})

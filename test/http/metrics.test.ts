import packageJson from '../../package.json' with { type: 'json' }
import { afterAll, beforeAll, expect, test } from 'vitest'
import { CATALOGUE, type MetricDefinition } from '../../src/observability/catalogue.ts'
import { metrics, registerCollector } from '../../src/observability/metrics.ts'
import { startTestApi, type TestApi } from './api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api.close())

async function scrape(): Promise<string> {
  const { status, text, headers } = await api.ask('GET', '/metrics', {
    token: await api.makeToken({ scopes: ['metrics:read'] }),
  })
  expect([status, headers.get('content-type')]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8'])
  return text
}

test('requests are counted by route, method and status, never by path', async () => {
  await api.ask('GET', '/operations/00000000-0000-4000-8000-000000000001')
  await api.ask('GET', '/no/such/path')
  await api.ask('GET', '/operations/%zz')
  const text = await scrape()
  expect(text).toMatch(
    /tenantry_http_request_duration_seconds_count\{route="\/operations\/\{id\}",method="GET",code="404"\} 1\n/,
  )
  expect(text).toMatch(/route="unmatched",method="GET",code="404"/)
  expect(text).not.toMatch(/00000000-0000|no\/such/)
})

test('refused tokens are counted by reason', async () => {
  await api.ask('GET', '/operations', { token: undefined })
  await api.ask('GET', '/operations', { token: 'x' })
  await api.ask('GET', '/operations', { token: await api.makeToken({ scopes: ['simulate'] }) })
  const text = await scrape()
  for (const reason of ['missing', 'malformed', 'scope']) {
    expect(text).toMatch(new RegExp(`tenantry_auth_failures_total\\{reason="${reason}"\\} [1-9]`))
  }
})

test('values of collectors come fresh with each scrape; one that fails is reported and does not hide the others', async () => {
  let value = 1
  registerCollector('test_good', async ({ control }) => {
    const [row] = await control.query<{ value: number }>('select $1::integer as value', [value])
    metrics.buildInfo.set({ version: 'collected', node: 'x' }, row?.value ?? 0)
  })
  registerCollector('test_bad', () => Promise.reject(new Error('collector broke')))
  expect(await scrape()).toContain('tenantry_build_info{version="collected",node="x"} 1')
  value = 2
  const text = await scrape()
  expect(text).toContain('tenantry_build_info{version="collected",node="x"} 2')
  expect(text).toContain('tenantry_collector_up{collector="test_good"} 1')
  expect(text).toContain('tenantry_collector_up{collector="test_bad"} 0')
  expect(api.log.some((line) => line.includes('collector broke'))).toBe(true)
  expect(() => registerCollector('test_bad', () => Promise.resolve())).toThrow('registered twice')
})

test('it says which version runs', async () => {
  expect(await scrape()).toContain(
    `tenantry_build_info{version="${packageJson.version}",node="${process.version}"} 1`,
  )
})

test('the process itself is measured', async () => {
  expect(await scrape()).toMatch(/process_resident_memory_bytes \d+/)
})

test('the catalogue keeps the rules of Prometheus', () => {
  const definitions: MetricDefinition[] = Object.values(CATALOGUE)
  expect(new Set(definitions.map(({ name }) => name)).size).toBe(definitions.length)
  for (const { name, type, help, labels, buckets } of definitions) {
    expect(name).toMatch(/^(tenantry|schema_propagation)_[a-z0-9_]+$/)
    expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
    expect(name).not.toMatch(/_(ms|milliseconds|minutes|kb|mb|percent)(_|$)/)
    expect(help).toMatch(/^[A-Z0-9].*\.$/)
    expect(labels).not.toContain('tenant')
    expect([name, buckets !== undefined]).toEqual([name, type === 'histogram'])
  }
})

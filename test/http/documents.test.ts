import Ajv2020 from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { defineEndpoint } from '../../src/api/endpoint.ts'
import { ENDPOINTS } from '../../src/api/index.ts'
import { describeApi } from '../../src/http/documents.ts'
import { ERROR_CODES } from '../../src/lib/error-codes.ts'
import { startTestApi, type TestApi } from './api.ts'

// oxlint-disable-next-line typescript/no-explicit-any
type Json = any

const { all, document } = describeApi(ENDPOINTS)
let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api.close())

function* references(value: Json): Generator<string> {
  if (value === null || typeof value !== 'object') return
  if (typeof value.$ref === 'string') yield value.$ref
  for (const inner of Object.values(value)) yield* references(inner)
}

function resolve(pointer: string): Json {
  return pointer
    .split('/')
    .slice(1)
    .reduce((at: Json, part) => at?.[part.replaceAll('~1', '/').replaceAll('~0', '~')], document)
}

test('the served document is that of the table, and needs no token', async () => {
  const { status, body } = await api.ask('GET', '/openapi.json', { token: undefined })
  expect(status).toBe(200)
  expect(body).toEqual(JSON.parse(JSON.stringify(document)))
})

test('it has the parts that OpenAPI 3.1 asks for', () => {
  expect(document.openapi).toBe('3.1.0')
  expect(document['info']).toMatchObject({
    title: 'Tenantry',
    version: expect.stringMatching(/^\d+\.\d+\.\d+/),
  })
  for (const endpoint of all) {
    const operation = document.paths[endpoint.path]?.[endpoint.method.toLowerCase()] as Json
    expect(operation.operationId).toBe(endpoint.id)
    expect(operation.summary).not.toBe('')
    expect(operation.security).toEqual(endpoint.scope === 'public' ? [] : [{ token: [endpoint.scope] }])
    const inPath = operation.parameters.filter((parameter: Json) => parameter.in === 'path')
    expect(inPath.map((parameter: Json) => `{${parameter.name}}`)).toEqual(
      endpoint.path.match(/\{\w+\}/g) ?? [],
    )
    expect(inPath.every((parameter: Json) => parameter.required === true)).toBe(true)
    expect(Object.keys(operation.responses).every((status) => /^[2-5]\d\d$/.test(status))).toBe(true)
  }
})

test('every reference leads somewhere', () => {
  const found = [...references(document)]
  expect(found.length).toBeGreaterThan(50)
  for (const reference of found) expect([reference, resolve(reference)]).not.toEqual([reference, undefined])
})

test('every schema compiles as JSON Schema 2020-12', () => {
  const ajv = new Ajv2020.default({
    strict: true,
    allowUnionTypes: true,
    strictTypes: false,
    keywords: ['components'],
  })
  addFormats.default(ajv)
  ajv.addSchema({ $id: 'api', components: { schemas: (document['components'] as Json).schemas } })
  const schemas = [...schemasIn(document.paths)]
  expect(schemas.length).toBeGreaterThan(50)
  for (const schema of schemas) {
    const local = JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"api#/components/'))
    expect(() => ajv.compile(local)).not.toThrow()
  }
})

function* schemasIn(value: Json): Generator<Json> {
  if (value === null || typeof value !== 'object') return
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'schema') yield inner
    else yield* schemasIn(inner)
  }
}

test('a misspelt field is refused in every body, at every depth', () => {
  for (const endpoint of all) {
    if (endpoint.stream === 'sse') continue
    const schema = z.toJSONSchema(endpoint.body, { io: 'input', unrepresentable: 'any', reused: 'inline' })
    expect([endpoint.id, [...looseObjects(schema, '')]]).toEqual([endpoint.id, []])
  }
})

/** Objects with named fields that would take others as well. */
function* looseObjects(schema: Json, at: string): Generator<string> {
  if (schema === null || typeof schema !== 'object') return
  if (schema.properties !== undefined && schema.additionalProperties !== false) yield at === '' ? '/' : at
  for (const [key, inner] of Object.entries(schema)) yield* looseObjects(inner, `${at}/${key}`)
}

test('two meanings of one name are refused', () => {
  const make = (id: string, field: string) =>
    defineEndpoint({
      id,
      method: 'GET',
      path: `/${id}`,
      summary: 'x',
      tag: 'x',
      scope: 'public',
      status: 200,
      output: z.object({ inner: z.object({ [field]: z.string() }).meta({ id: 'Twice' }) }),
      run: async () => ({ inner: {} }),
    })
  expect(() => describeApi([make('a', 'x')])).not.toThrow()
  expect(() => describeApi([make('a', 'x'), make('b', 'y')])).toThrow('two schemas are named Twice')
})

test('the page names every endpoint, scope and error, and allows nothing from elsewhere', async () => {
  const { status, headers, text } = await api.ask('GET', '/docs', { token: undefined })
  expect(status).toBe(200)
  expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
  for (const endpoint of all) expect(text).toContain(`<section id="${endpoint.id}">`)
  for (const code of Object.keys(ERROR_CODES)) expect(text).toContain(`id="error-${code}"`)
  const style = /<style>([^]*?)<\/style>/.exec(text)?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = headers.get('content-security-policy') ?? ''
  expect(policy).toContain(`default-src 'none'; style-src 'sha256-${hash}'`)
  expect(policy).not.toContain('unsafe')
  expect(text).not.toMatch(/<script|<img|<link|<iframe|src=| style=| on\w+=|https?:\/\//)
})

test('its links lead to parts of it', async () => {
  const { text } = await api.ask('GET', '/docs')
  const targets = [...text.matchAll(/href="#([^"]+)"/g)].map((match) => match[1])
  expect(targets.length).toBeGreaterThan(all.length)
  for (const target of targets) expect(text).toContain(`id="${target}"`)
})

test('text of the table is escaped on the page', async () => {
  const hostile = defineEndpoint({
    id: 'test.hostile',
    method: 'GET',
    path: '/test/hostile',
    summary: '<script>alert(1)</script>',
    description: '"><img src=x onerror=alert(1)> `</code><script>`',
    tag: '<b>tag</b>',
    scope: 'public',
    query: { x: z.string().default('<i>').describe('<u>what</u>') },
    status: 200,
    output: z.string(),
    run: async () => '',
  })
  const other = await startTestApi({ endpoints: [hostile] })
  try {
    const { text } = await other.ask('GET', '/docs')
    expect(text).toContain('&lt;script&gt;alert(1)')
    expect(text).not.toMatch(/<script|<img|<b>|<i>|<u>/)
  } finally {
    await other.close()
  }
})

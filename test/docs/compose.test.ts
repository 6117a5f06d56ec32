import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { SETTINGS } from '../../src/config.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const schema = JSON.parse(
  await readFile(path.join(ROOT, 'test/support/schemas/compose-spec.json'), 'utf8'),
) as Record<string, unknown>
const compose = parse(await readFile(path.join(ROOT, 'compose.yaml'), 'utf8'), { merge: true }) as {
  services: Record<string, { environment?: Record<string, string>; secrets?: string[] }>
  secrets: Record<string, unknown>
}

/** The schema without what Ajv does not know: its own draft and formats. */
function validator(): (value: unknown) => string[] {
  const ajv = new Ajv({ strict: false, validateFormats: false, allErrors: true })
  const { $schema: _draft, ...body } = schema
  const validate = ajv.compile(body)
  return (value) =>
    validate(value) ? [] : (validate.errors ?? []).map((error) => `${error.instancePath} ${error.message}`)
}

test('compose.yaml is what the Compose specification says', () => {
  const problems = validator()
  expect(problems(compose)).toEqual([])
  expect(problems({ services: { api: { imag: 'x' } } })).not.toEqual([])
})

test('every setting and secret that compose.yaml names exists', () => {
  const own = Object.entries(compose.services).filter(([name]) => ['api', 'worker'].includes(name))
  expect(own).toHaveLength(2)
  for (const [, service] of own) {
    expect(Object.keys(SETTINGS)).toEqual(expect.arrayContaining(Object.keys(service.environment ?? {})))
  }
  const used = Object.values(compose.services).flatMap((service) => service.secrets ?? [])
  expect(Object.keys(compose.secrets)).toEqual(expect.arrayContaining(used))
})

test('no password stands in compose.yaml', async () => {
  const text = await readFile(path.join(ROOT, 'compose.yaml'), 'utf8')
  expect(text).not.toMatch(/PASSWORD: \S/)
})

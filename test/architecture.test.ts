/** The rooms of src/ and which of them each may use: one direction, checked from the imports themselves. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const SRC = path.resolve(import.meta.dirname, '../src')

/** Folder → folders it may import, its own aside. `.` are the files directly in src/. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  engine: ['lib', 'config'],
  control: ['lib', 'engine'],
  registry: ['lib', 'engine', 'control', 'config'],
  schema: ['lib', 'engine', 'control', 'registry', 'config'],
  provisioning: ['lib', 'engine', 'control', 'registry', 'schema', 'config', 'api/app'],
  rollout: ['lib', 'engine', 'control', 'registry', 'schema', 'provisioning', 'config'],
  observability: ['lib', 'engine', 'control', 'registry', 'schema', 'rollout', 'config', 'api/app'],
  worker: ['lib', 'engine', 'control'],
  api: [
    'lib',
    'engine',
    'control',
    'registry',
    'schema',
    'provisioning',
    'rollout',
    'observability',
    'config',
  ],
  http: ['lib', 'engine', 'control', 'api', 'observability', 'config'],
  client: ['lib', 'api'],
  cli: [
    'lib',
    'client',
    'api',
    'config',
    'schema',
    '.',
    'engine',
    'registry',
    'rollout',
    'provisioning',
    'control',
    'http',
  ],
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.join(folder, name))
}

interface Import {
  readonly file: string
  readonly from: string
  readonly to: string
  readonly target: string
}

/** The room of a file: its first folder, or `config` and `.` for files directly in src/. */
function roomOf(file: string): string {
  const [first = '', ...rest] = path.relative(SRC, file).split(path.sep)
  if (rest.length > 0) return first
  return first === 'config.ts' ? 'config' : '.'
}

function importsOf(file: string): Import[] {
  const text = readFileSync(file, 'utf8')
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, specifier = '']) => {
    const target = path.resolve(path.dirname(file), specifier)
    return {
      file: path.relative(SRC, file),
      from: roomOf(file),
      to: roomOf(target),
      target: path.relative(SRC, target).replace(/\.ts$/, ''),
    }
  })
}

const imports = filesOf(SRC).flatMap(importsOf)

test('every room uses only what lies below it', () => {
  const wrong = imports.filter(({ from, to, target }) => {
    if (from === to || from === '.' || from === 'config') return false
    const allowed = MAY_IMPORT[from]
    return allowed === undefined || !(allowed.includes(to) || allowed.includes(target))
  })
  expect(wrong.map(({ file, target }) => `${file} → ${target}`)).toEqual([])
})

test('the check sees the code', () => {
  expect(imports.length).toBeGreaterThan(200)
  const rooms = new Set(imports.flatMap((one) => [one.from, one.to]))
  expect([...rooms]).toEqual(expect.arrayContaining(Object.keys(MAY_IMPORT)))
})

test('processes are started in one room, the environment is read in one file', () => {
  const sources = filesOf(SRC).map((file) => ({
    name: path.relative(SRC, file),
    text: readFileSync(file, 'utf8'),
  }))
  const spawning = sources.filter(
    ({ name, text }) => text.includes('node:child_process') && !name.startsWith('engine/'),
  )
  const reading = sources.filter(({ name, text }) => text.includes('process.env') && name !== 'config.ts')
  expect(spawning.map(({ name }) => name)).toEqual([])
  expect(reading.map(({ name }) => name)).toEqual([])
})

/** The three stores of snapshots behave alike; each is the real thing. */
import { execFile } from 'node:child_process'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openControl, type Control } from '../../src/control/control.ts'
import { migrateControl } from '../../src/control/migrate.ts'
import { makeSnapshot, type Snapshot } from '../../src/schema/snapshot/snapshot.ts'
import { parseSnapshot, snapshotText } from '../../src/schema/snapshot/snapshot-text.ts'
import { controlStore } from '../../src/schema/snapshot/stores/control.ts'
import { fileStore } from '../../src/schema/snapshot/stores/files.ts'
import { gitStore } from '../../src/schema/snapshot/stores/git.ts'
import { diffStored, type SnapshotStore } from '../../src/schema/snapshot/stores/store.ts'
import { testDirectory } from '../support/directories.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'

const exec = promisify(execFile)

/** What a promise fails with; what it gives when it does not fail. */
function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((thrown: unknown) => thrown)
}

function shop(...columns: string[]): Snapshot {
  return makeSnapshot(
    'postgres',
    '18.4',
    [
      {
        kind: 'table',
        name: ['public', 'Orders "x"'],
        parent: null,
        properties: { persistence: 'p', comment: 'Zeile 1\nZeile 2 – ü' },
        dependsOn: [],
        facts: { rows: columns.length, bytes: 8192 },
      },
      ...columns.map((name, position) => ({
        kind: 'column',
        name: ['public', 'Orders "x"', name],
        parent: 'table:public."Orders ""x"""',
        properties: { type: 'bigint', notNull: false, default: null },
        dependsOn: [],
        facts: { position },
      })),
    ],
    [{ kind: 'cast', name: 'a', detail: 'casts are not described' }],
  )
}

const ONE = shop('id')
const TWO = shop('id', 'total')

let directory = ''
let database: TestDatabase
let control: Control
beforeAll(async () => {
  directory = await testDirectory('snapshots')
  database = await createDatabase('snapshots')
  control = openControl({ url: database.dsn })
  await migrateControl(control)
})
afterAll(async () => {
  await control.close()
  await database.drop()
  await rm(directory, { recursive: true })
})

const STORES: readonly [string, (name: string) => SnapshotStore][] = [
  ['files', (name) => fileStore(path.join(directory, `files-${name}`))],
  ['git', (name) => gitStore(path.join(directory, `git-${name}`))],
  ['control', () => controlStore(control)],
]

describe.each(STORES)('%s', (kind, open) => {
  test('keeps what it is given, under a name with history', async () => {
    const store = open('history')
    expect(await store.list()).toEqual([])
    const first = await store.put('shop', ONE, 'The beginning')
    expect(first).toMatchObject({ added: true, version: { number: 1, fingerprint: ONE.fingerprint } })
    expect(await store.put('shop', ONE)).toEqual({ added: false, version: first.version })
    const second = await store.put('shop', TWO, 'Totals')
    expect(second.version).toMatchObject({ name: 'shop', number: 2, objects: 3, message: 'Totals' })
    const third = await store.put('shop', ONE)
    expect(third.version).toMatchObject({ number: 3, fingerprint: ONE.fingerprint })
    expect((await store.history('shop')).map(({ number }) => number)).toEqual([3, 2, 1])
    expect((await store.history('shop')).at(-1)).toEqual(first.version)
    expect(await store.list()).toEqual([third.version])

    const kept = await store.get('shop@2')
    expect(snapshotText(kept)).toBe(snapshotText(TWO))
    expect((await store.get('shop')).fingerprint).toBe(ONE.fingerprint)
    expect((await store.get(TWO.fingerprint.slice(0, 8))).fingerprint).toBe(TWO.fingerprint)
    const changes = await diffStored(store, 'shop@1', 'shop@2')
    expect(changes.map(({ type, id }) => `${type} ${id}`)).toEqual([
      'create column:public."Orders ""x""".total',
    ])
    await store.close()
  })

  test('says what is not there', async () => {
    const store = open('missing')
    for (const ask of ['nothing', 'shop@9', '0123456789abcdef']) {
      expect(await errorOf(store.get(ask))).toMatchObject({ code: 'not_found' })
    }
    expect(await errorOf(store.history('nothing'))).toMatchObject({ code: 'not_found' })
    for (const name of ['../up', 'UP', 'deadbeef', '', 'a/b', '-x']) {
      expect(await errorOf(store.put(name, ONE))).toMatchObject({ code: 'invalid_input' })
    }
  })

  test('several writers at once lose nothing', async () => {
    const all = Array.from({ length: 6 }, (_, index) => shop(`c${index}`))
    const name = `busy-${kind}`
    await Promise.all(all.map((snapshot) => open('busy').put(name, snapshot)))
    const history = await open('busy').history(name)
    expect(history.map(({ number }) => number)).toEqual([6, 5, 4, 3, 2, 1])
    expect(history.map(({ fingerprint }) => fingerprint).toSorted()).toEqual(
      all.map(({ fingerprint }) => fingerprint).toSorted(),
    )
    for (const { number, fingerprint } of history) {
      expect((await open('busy').get(`${name}@${number}`)).fingerprint).toBe(fingerprint)
    }
  })
})

test('git: leaves what others have there alone, and its files are plain', async () => {
  const root = path.join(directory, 'shared-repository')
  const git = async (...args: string[]): Promise<string> =>
    (await exec('git', args, { cwd: root, env: { PATH: process.env['PATH'] ?? '', HOME: root } })).stdout
  await exec('git', ['init', '--quiet', root])
  await git('config', 'user.email', 'ada@example.org')
  await git('config', 'user.name', 'Ada')
  await writeFile(path.join(root, 'staged.txt'), 'staged\n')
  await git('add', 'staged.txt')
  await gitStore(path.join(root, 'schemas')).put('shop', ONE, 'A schema; $(touch x)')
  await gitStore(path.join(root, 'schemas')).put('shop', TWO)
  expect(await git('status', '--short')).toBe('A  staged.txt\n')
  expect(await git('log', '--format=%an %s')).toBe('Ada Snapshot shop\nAda A schema; $(touch x)\n')
  expect(await readFile(path.join(root, 'schemas/shop.json'), 'utf8')).toBe(snapshotText(TWO))
  const added = await git('diff', '--numstat', 'HEAD~1', 'HEAD')
  const [more, less] = added.split('\t').map(Number)
  expect([more, less]).toEqual([16, 1])
  // A file that a person commits is an entry as well.
  await writeFile(path.join(root, 'schemas/shop.json'), snapshotText(ONE))
  await git('commit', '--quiet', '-m', 'By hand', '--', 'schemas/shop.json')
  const [newest] = await gitStore(path.join(root, 'schemas')).history('shop')
  expect(newest).toMatchObject({ number: 3, message: 'By hand', fingerprint: ONE.fingerprint })
})

test('files: an edited one and a foreign one are refused by name', async () => {
  const folder = path.join(directory, 'edited')
  await fileStore(folder).put('shop', ONE)
  const [name = ''] = await readdir(path.join(folder, 'objects'))
  const file = path.join(folder, 'objects', name)
  await writeFile(file, (await readFile(file, 'utf8')).replace('bigint', 'integer'))
  const error = await errorOf(fileStore(folder).get('shop'))
  expect(error).toMatchObject({ code: 'invalid_input' })
  expect((error as Error).message).toMatch(/objects\/[0-9a-f]{64}\.json was edited/)
})

describe('the text of a snapshot', () => {
  test('is the same for the same schema, whatever its sizes and the order of keys', () => {
    const [first, ...rest] = TWO.objects
    if (first === undefined) throw new Error('there is an object')
    const turned = { ...first, properties: Object.fromEntries(Object.entries(first.properties).toReversed()) }
    const again = makeSnapshot('postgres', '18.4', [...rest.toReversed(), turned], TWO.unmodelled)
    expect(snapshotText(again)).toBe(snapshotText(TWO))
    expect(snapshotText(TWO)).not.toMatch(/"rows"|"bytes"/)
    expect(snapshotText(TWO)).toMatch(/"position": 1/)
    expect(snapshotText(parseSnapshot(snapshotText(TWO), 'it'))).toBe(snapshotText(TWO))
  })

  test.each([
    ['not JSON', '{', /a\.json is not a snapshot/],
    ['something else', '{"a": 1}', /no field "format"/],
    ['newer', '{"format": 2}', /format 2; this Tenantry reads format 1/],
    ['half', '{"format": 1, "dialect": "postgres"}', /a\.json is not a snapshot: \/serverVersion/],
    ['edited', snapshotText(TWO).replace('bigint', 'int'), /was edited/],
    ['with a field more', snapshotText(TWO).replace('{', '{"more": 1,'), /more/],
    ['with an object twice', twice(snapshotText(ONE)), /share an id/],
  ])('refused when it is %s', (_name, text, message) => {
    expect(() => parseSnapshot(text, 'a.json')).toThrow(message)
  })
})

function twice(text: string): string {
  const value = JSON.parse(text) as { objects: unknown[] }
  return JSON.stringify({ ...value, objects: [...value.objects, value.objects[0]] })
}

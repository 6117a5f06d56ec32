/** Secrets at rest: sealed, bound to their owner, openable with one key only. */
import { chmod, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openControl, type Control } from '../../src/control/control.ts'
import { migrateControl } from '../../src/control/migrate.ts'
import { openKeyring, type Keyring } from '../../src/control/secrets.ts'
import { testDirectory } from '../support/directories.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'

let database: TestDatabase
let control: Control
let directory: string
let keyring: Keyring

beforeAll(async () => {
  database = await createDatabase('secrets')
  control = openControl({ url: database.dsn })
  await migrateControl(control)
  directory = await testDirectory('secrets')
  keyring = await openKeyring(join(directory, 'deep', 'secret.key'))
})
afterAll(async () => {
  await control.close()
  await database.drop()
  await rm(directory, { recursive: true })
})

test('what was put comes back, and a new value replaces the old', async () => {
  for (const secret of ['plain', '', 'ünï 🦊 "quotes"', 'x'.repeat(100_000)]) {
    await keyring.put(control, 'server:1', 'password', secret)
    expect(await keyring.get(control, 'server:1', 'password')).toBe(secret)
  }
  expect(await keyring.get(control, 'server:1', 'other')).toBeUndefined()
  expect(await keyring.get(control, 'server:2', 'password')).toBeUndefined()
})

test('nothing in the database shows it, and the same secret never looks the same', async () => {
  const secret = 'planted-secret-7421'
  await keyring.put(control, 'server:3', 'password', secret)
  await keyring.put(control, 'server:4', 'password', secret)
  const rows = await control.query<{ row: string; sealed: Buffer }>(
    `select secrets::text as row, sealed from tenantry.secrets as secrets`,
  )
  for (const { row, sealed } of rows) {
    expect(row).not.toContain(secret)
    expect(row).not.toContain(Buffer.from(secret).toString('hex'))
    expect(sealed.includes(secret)).toBe(false)
  }
  expect(new Set(rows.map((row) => row.sealed.toString('hex'))).size).toBe(rows.length)
})

test('a sealed value does not open under another owner or purpose, or when a bit was changed', async () => {
  await keyring.put(control, 'server:5', 'password', 'five')
  await keyring.put(control, 'server:6', 'password', 'six')
  const broken = async (sql: string): Promise<unknown> => {
    await keyring.put(control, 'server:6', 'password', 'six')
    await control.query(sql)
    return keyring.get(control, 'server:6', 'password').catch((error: unknown) => error)
  }
  const moved = `update tenantry.secrets set sealed = (select sealed from tenantry.secrets where owner = 'server:5') where owner = 'server:6'`
  const flipped = `update tenantry.secrets set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) where owner = 'server:6'`
  const cut = `update tenantry.secrets set sealed = substr(sealed, 1, 5) where owner = 'server:6'`
  for (const sql of [moved, flipped, cut]) {
    expect(await broken(sql)).toMatchObject({
      code: 'internal',
      message: expect.stringContaining('does not open') as string,
    })
  }
})

test('the key file is made for its owner only; another key, a short one or a readable one is refused', async () => {
  const file = join(directory, 'deep', 'secret.key')
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(Buffer.from((await readFile(file, 'utf8')).trim(), 'base64')).toHaveLength(32)
  const again = await openKeyring(file)
  await keyring.put(control, 'server:7', 'password', 'seven')
  expect(await again.get(control, 'server:7', 'password')).toBe('seven')

  const stranger = await openKeyring(join(directory, 'other.key'))
  for (const use of [
    stranger.get(control, 'server:7', 'password'),
    stranger.put(control, 'server:8', 'password', 'x'),
  ]) {
    await expect(use).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining('is not the one') as string,
    })
  }

  const short = join(directory, 'short.key')
  await writeFile(short, 'c2hvcnQ=\n', { mode: 0o600 })
  await expect(openKeyring(short)).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('32 bytes') as string,
  })
  await chmod(file, 0o644)
  await expect(openKeyring(file)).rejects.toMatchObject({
    code: 'invalid_config',
    message: expect.stringContaining('read by others') as string,
  })
  await chmod(file, 0o600)
})

test('processes that start at once agree on one key', async () => {
  const file = join(directory, 'raced.key')
  const fresh = await createDatabase('secrets')
  const other = openControl({ url: fresh.dsn })
  await migrateControl(other)
  const keyrings = await Promise.all(Array.from({ length: 6 }, () => openKeyring(file)))
  await Promise.all(
    keyrings.map((one, index) => one.put(other, `server:${index}`, 'password', `secret ${index}`)),
  )
  for (const [index] of keyrings.entries()) {
    expect(await keyrings[0]?.get(other, `server:${index}`, 'password')).toBe(`secret ${index}`)
  }
  await other.close()
  await fresh.drop()
})

/** Servers for minutes: quick to make, alone with themselves, gone with whoever made them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { chmod, rm } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startShadow, type ShadowServer } from '../../src/engine/embedded-shadow.ts'
import { testDirectory } from '../support/directories.ts'
import { until } from '../support/wait.ts'

let cache = ''
beforeAll(async () => {
  cache = await testDirectory('shadow')
  await chmod(cache, 0o755)
})
afterAll(() => rm(cache, { recursive: true }))

async function ask(server: ShadowServer, sql: string, database = server.databases[0]): Promise<unknown[]> {
  const client = new pg.Client({ host: server.socketDir, port: server.port, user: server.user, database })
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

test('several at once, each with its own data; nothing is left when closed', async () => {
  const servers = await Promise.all([startShadow(cache), startShadow(cache)])
  const [first, second] = servers
  await ask(first, 'create table only_here (a int)')
  expect(await ask(second, "select to_regclass('only_here') is null as absent")).toEqual([{ absent: true }])
  expect(await ask(first, "select to_regclass('only_here') is null as absent", first.databases[1])).toEqual([
    { absent: true },
  ])
  expect(await ask(first, 'show listen_addresses')).toEqual([{ listen_addresses: '' }])
  await Promise.all(servers.map((server) => server.close()))
  for (const { socketDir } of servers) expect(existsSync(path.dirname(socketDir))).toBe(false)
  const third = await startShadow(cache)
  expect(await ask(third, "select to_regclass('only_here') is null as absent")).toEqual([{ absent: true }])
  await third.close()
})

test('it ends with the process that made it, however that ends', async () => {
  const module = pathToFileURL(path.resolve(import.meta.dirname, '../../src/engine/embedded-shadow.ts')).href
  const script = `const { startShadow } = await import(${JSON.stringify(module)})
    console.log((await startShadow(${JSON.stringify(cache)})).socketDir)
    process.stdin.resume()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
  const directory = path.dirname(chunk.toString().trim())
  expect(existsSync(directory)).toBe(true)
  child.kill('SIGKILL')
  await until(() => !existsSync(directory), { what: 'the directory of the server to be gone' })
})

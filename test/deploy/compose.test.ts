/**
 * What compose.yaml starts, without the containers: the script that makes the secrets, the SQL that each server runs
 * first, the pooler's script and configuration, API and workers with their entry point and environment. All of it is
 * read from the files; only hosts, ports and directories are other ones.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { identity, serverFiles, type ServerFiles } from '../../src/engine/embedded-files.ts'
import { freePort } from '../../src/engine/ports.ts'
import { STARTER, tenantry } from '../cli/tenantry.ts'
import { testDirectory } from '../support/directories.ts'
import { adminClient } from '../support/postgres.ts'
import { type PrivateServer, startPrivateServer } from '../support/private-servers.ts'
import { programPath, withProgram } from '../support/programs.ts'
import { until } from '../support/wait.ts'
import {
  adapt,
  imageEnvironment,
  readCompose,
  ROOT,
  type ServiceName,
  unescapeDollars,
} from './compose-files.ts'

const compose = await readCompose()
const STATE = '/var/lib/tenantry'

/** A program of a container: what it has written so far, and its end. */
class Program {
  output = ''
  readonly ended: Promise<number | null>
  readonly #child: ReturnType<typeof spawn>

  constructor(
    args: readonly string[],
    options: { cwd: string; env: Record<string, string>; as?: ServerFiles },
  ) {
    const [program = '', ...rest] = args
    const { as, ...place } = options
    const account = as === undefined ? {} : identity(as)
    this.#child = spawn(program, rest, { ...place, ...account, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (data: Buffer) => (this.output += data.toString()))
    }
    this.ended = once(this.#child, 'close').then(([code]) => code as number | null)
  }

  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    return await this.ended
  }

  async says(pattern: RegExp): Promise<void> {
    await until(() => pattern.test(this.output), { timeoutMs: 60_000, what: `${pattern}` }).catch(
      (error: unknown) => {
        throw new Error(`It said:\n${this.output}`, { cause: error })
      },
    )
  }
}

const ENV = { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent', LC_ALL: 'C.UTF-8' }

/** Runs a program to its end. @throws Error with its output when it failed */
async function finished(
  args: readonly string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const program = new Program(args, { cwd, env: { ...ENV, ...env } })
  const code = await program.ended
  if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}:\n${program.output}`)
  return program.output
}

withProgram('psql', 'pgbouncer').describe('what compose.yaml starts', () => {
  let files: ServerFiles
  let control: PrivateServer
  let tenants: PrivateServer
  let poolerPort: number
  let apiPort: number
  const running: Program[] = []
  const at = (...names: string[]): string => path.join(files.stateDir, ...names)

  beforeAll(async () => {
    files = await serverFiles(await testDirectory('compose'))
    ;[control, tenants] = await Promise.all([startPrivateServer(), startPrivateServer()])
    ;[poolerPort, apiPort] = [await freePort(), await freePort()]
    // The directory of a container's own, where its process may write.
    await mkdir(at('pooler'), { mode: 0o777 })
    await chmod(at('pooler'), 0o777)
  })
  afterAll(async () => {
    for (const program of running.toReversed()) await program.stop()
    await Promise.all([control.remove(), tenants.remove()])
    await rm(files.stateDir, { recursive: true })
  })

  test('the script makes each secret once, and each file is mounted by somebody', async () => {
    const script = path.join(ROOT, 'deploy/compose/make-secrets.sh')
    await finished(['sh', script, 'secrets'], files.stateDir)
    const names = [...new Set(Object.values(compose).flatMap(({ secrets }) => secrets))]
    const texts = await Promise.all(names.map((name) => readFile(at('secrets', name), 'utf8')))
    expect(new Set(texts).size).toBe(5)
    for (const text of texts)
      expect(text).toMatch(/^[A-Za-z0-9]{24,}$|^postgres:\/\/tenantry:\w+@control:5432\/tenantry$/)
    expect((await stat(at('secrets'))).mode & 0o777).toBe(0o700)
    expect(await finished(['sh', script, 'secrets'], files.stateDir)).toMatch(/control-url exists/)
    expect(await Promise.all(names.map((name) => readFile(at('secrets', name), 'utf8')))).toEqual(texts)
    // As Compose mounts them: each file by itself, its mode as it is.
    await mkdir(at('mounted'), { mode: 0o755 })
    for (const name of names) await copyFile(at('secrets', name), at('mounted', name))
    for (const name of names) expect((await stat(at('mounted', name))).mode & 0o777).toBe(0o644)
  })

  /** As the postgres image runs a file of /docker-entrypoint-initdb.d. */
  async function runFirst(name: 'control' | 'tenants', server: PrivateServer): Promise<void> {
    const [mount] = compose[name].volumes.filter((volume) => volume.includes('/docker-entrypoint-initdb.d/'))
    const [source = '', target = ''] = mount?.split(':') ?? []
    expect(path.extname(target)).toBe('.sql')
    const sql = await readFile(path.join(ROOT, source), 'utf8')
    for (const [, secret = ''] of sql.matchAll(/\/run\/secrets\/([\w-]+)/g)) {
      expect(compose[name].secrets).toContain(secret)
    }
    await writeFile(at(`${name}.sql`), adapt(sql, { '/run/secrets': at('mounted') }))
    const how = ['-v', 'ON_ERROR_STOP=1', '--no-password', '--no-psqlrc', '-U', 'postgres', '-d', 'postgres']
    await finished([programPath('psql'), ...how, '-f', at(`${name}.sql`)], files.stateDir, {
      PGHOST: server.host,
      PGPORT: String(server.port),
      PGPASSWORD: server.password,
    })
  }

  test('each server gets its role, which is no superuser and keeps to its databases', async () => {
    await runFirst('control', control)
    await runFirst('tenants', tenants)
    for (const [server, role] of [
      [control, 'tenantry'],
      [tenants, 'tenantry_migrator'],
    ] as const) {
      const client = await adminClient('postgres', server)
      const { rows } = await client.query(
        `select rolsuper or rolcreaterole or rolreplication or rolbypassrls as mighty, rolcreatedb,
           has_database_privilege(rolname, 'template1', 'connect') as template
         from pg_roles where rolname = $1`,
        [role],
      )
      await client.end()
      expect(rows).toEqual([{ mighty: false, rolcreatedb: role === 'tenantry_migrator', template: false }])
    }
  })

  test('the pooler starts with the file that it writes for itself', async () => {
    const [script = ''] = compose.pgbouncer.command
    const adapted = adapt(unescapeDollars(script), {
      '/run/secrets': at('mounted'),
      '/tmp': at('pooler'),
      'host=tenants port=5432': `host=${tenants.host} port=${tenants.port}`,
      'listen_addr = 0.0.0.0': 'listen_addr = 127.0.0.1\nunix_socket_dir =',
      'listen_port = 6432': `listen_port = ${poolerPort}`,
      'exec pgbouncer': `exec ${programPath('pgbouncer')}`,
    })
    expect(compose.pgbouncer.entrypoint).toEqual(['sh', '-c'])
    const pooler = new Program(['sh', '-c', adapted], { cwd: at('pooler'), env: ENV, as: files })
    running.push(pooler)
    await pooler.says(/process up/)
    expect((await stat(at('pooler', 'users.txt'))).mode & 0o777).toBe(0o600)
  })

  async function environmentOf(name: ServiceName): Promise<Record<string, string>> {
    const all: Record<string, string | number> = {
      ...(await imageEnvironment()),
      ...compose[name].environment,
    }
    const here = {
      APP_HOST: '127.0.0.1',
      APP_HOST_PORT: apiPort,
      DB_ENDPOINT: tenants.host,
      DB_PORT: tenants.port,
      PGBOUNCER_HOST: '127.0.0.1',
      PGBOUNCER_PORT: poolerPort,
      LOG_LEVEL: 'warn',
    }
    const texts = Object.entries({ ...all, ...here }).map(([key, value]): [string, string] => {
      const text = String(value).replace(STATE, at('state')).replace('/run/secrets', at('mounted'))
      return [key, text]
    })
    return Object.fromEntries(texts)
  }

  async function startContainer(name: 'api' | 'worker'): Promise<Program> {
    const url = await readFile(at('secrets', 'control-url'), 'utf8')
    const reached = adapt(url, { 'control:5432': `${control.host}:${control.port}` })
    await writeFile(at('mounted', 'control-url'), reached)
    const [shell = '', option = '', script = '', ...names] = compose[name].entrypoint
    const adapted = adapt(unescapeDollars(script), {
      '/run/secrets': at('mounted'),
      'node --max': `${process.execPath} --max`,
      'bin/tenantry.js': STARTER,
    })
    const args = [shell, option, adapted, ...names, ...compose[name].command]
    const env = { ...ENV, ...(await environmentOf(name)) }
    const program = new Program(args, { cwd: at('app'), env })
    running.push(program)
    return program
  }

  test('API and workers roll a version out through the pooler, and nothing is left to be desired', async () => {
    await mkdir(at('app/sources'), { recursive: true })
    await writeFile(at('app/sources/V1__coupons.sql'), 'create table coupons (code text primary key);')
    const api = await startContainer('api')
    await api.says(/Tenantry is running/)
    const workers = compose.worker.deploy?.replicas ?? 0
    expect(workers).toBe(2)
    for (let worker = 0; worker < workers; worker++)
      await (await startContainer('worker')).says(/Tenantry is running/)

    // As `docker compose exec api node bin/tenantry.js …`: the container's environment without its entry point.
    const env = await environmentOf('api')
    const run = async (...args: string[]): Promise<string> => {
      const ended = await tenantry(args, { cwd: at('app'), env })
      if (ended.code !== 0) throw new Error(`${args.join(' ')}: exit ${ended.code}\n${ended.stderr}`)
      return ended.stdout
    }
    await run('simulate', 'create', '6', '--prefix', 'cmp_', '--wait')
    const made = JSON.parse(
      await run('version', 'generate', 'Coupons', '--source', 'sources', '-o', 'json'),
    ) as { files: { upgrade: string } }
    // In the volume: the rest of the container is not for writing, and gone with it.
    expect(made.files.upgrade).toMatch(at('state'))
    const id = (await run('rollout', 'start', 'latest', '--via', 'pooler', '-o', 'name', '--no-wait')).trim()
    await run('rollout', 'watch', id)
    const { progress } = JSON.parse(await run('rollout', 'status', id, '-o', 'json')) as { progress: unknown }
    expect(progress).toMatchObject({ total: 6, successful: 6, already_applied: 0 })

    const stats = await poolerStats()
    const pooled = stats.filter((row) => row.database.startsWith('cmp_') && Number(row.total_xact_count) > 0)
    expect(pooled).toHaveLength(6)

    const examined = await tenantry(['doctor', '-o', 'json'], { cwd: at('app'), env })
    const { items } = JSON.parse(examined.stdout) as { items: { check: string; status: string }[] }
    // Debian's PgBouncer may be an old one, and says so.
    expect(items.filter(({ check, status }) => status !== 'ok' && check !== 'server.pooler')).toEqual([])
    for (const program of running.splice(1)) expect(await program.stop()).toBe(0)
  })

  async function poolerStats(): Promise<{ database: string; total_xact_count: string }[]> {
    const password = await readFile(at('mounted', 'migrator-password'), 'utf8')
    const login = { host: '127.0.0.1', port: poolerPort, user: 'tenantry_migrator', password }
    const client = await adminClient('pgbouncer', login)
    try {
      return (await client.query<{ database: string; total_xact_count: string }>('show stats')).rows
    } finally {
      await client.end()
    }
  }
})

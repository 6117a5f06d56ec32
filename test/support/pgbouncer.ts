/** The real PgBouncer in front of a test server: transaction pooling, every database by a wildcard. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { open, rm } from 'node:fs/promises'
import path from 'node:path'
import { ENVIRONMENT, identity, replaceFile, serverFiles } from '../../src/engine/embedded-files.ts'
import { freePort } from '../../src/engine/ports.ts'
import { logTail, testDirectory } from './directories.ts'
import type { SharedServer } from './global-setup.ts'
import { adminClient, sharedServer } from './postgres.ts'
import { programPath } from './programs.ts'
import { until } from './wait.ts'

export interface PgBouncerOptions {
  /** Where the databases are; default: the run's shared server. */
  server?: SharedServer
  /** Passwords of further roles that log in through it; the superuser is there already. */
  users?: Readonly<Record<string, string>>
  /** Settings of the `[pgbouncer]` section that override the ones here. */
  settings?: Readonly<Record<string, string | number>>
}

export interface PgBouncer extends SharedServer {
  readonly pid: number
  readonly log: string
  /** Rows of an admin console command such as `SHOW POOLS`. */
  readonly show: (command: string) => Promise<Record<string, unknown>[]>
  /** Ends it at once and removes its files. */
  readonly stop: () => Promise<void>
}

/** Needs `withProgram('pgbouncer')`. */
export async function startPgBouncer(options: PgBouncerOptions = {}): Promise<PgBouncer> {
  const server = options.server ?? sharedServer()
  const files = await serverFiles(await testDirectory('pgbouncer'))
  const address = { ...server, host: '127.0.0.1', port: await freePort() }
  const config = path.join(files.stateDir, 'pgbouncer.ini')
  const users = path.join(files.stateDir, 'users.txt')
  await replaceFile(
    users,
    renderUsers({ [server.user]: server.password, ...options.users }),
    0o600,
    files.account,
  )
  await replaceFile(
    config,
    renderConfig(server, address.port, users, options.settings ?? {}),
    0o600,
    files.account,
  )

  const log = path.join(files.stateDir, 'pgbouncer.log')
  const output = await open(log, 'a', 0o600)
  const child = spawn(programPath('pgbouncer'), [config], {
    ...identity(files),
    stdio: ['ignore', 'ignore', output.fd],
    env: ENVIRONMENT,
  })
  const exited = once(child, 'exit')
  await output.close()

  const show = async (command: string): Promise<Record<string, unknown>[]> => {
    const client = await adminClient('pgbouncer', address)
    try {
      return (await client.query<Record<string, unknown>>(command)).rows
    } finally {
      await client.end()
    }
  }
  await until(
    async () => {
      if (child.exitCode !== null) return 'ended'
      return (await show('show version')).length > 0
    },
    { what: 'PgBouncer to answer' },
  )
  if (child.exitCode !== null) throw new Error(`PgBouncer ended while starting:\n${await logTail(log)}`)
  return {
    ...address,
    pid: child.pid ?? 0,
    log,
    show,
    stop: async () => {
      child.kill('SIGTERM')
      await exited
      await rm(files.stateDir, { recursive: true })
    },
  }
}

function renderConfig(
  server: SharedServer,
  port: number,
  users: string,
  settings: Readonly<Record<string, string | number>>,
): string {
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: port,
    unix_socket_dir: '',
    auth_type: 'scram-sha-256',
    auth_file: users,
    admin_users: server.user,
    pool_mode: 'transaction',
    max_client_conn: 1000,
    default_pool_size: 20,
    ignore_startup_parameters: 'extra_float_digits,options',
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
  return `[databases]\n* = host=${server.host} port=${server.port}\n\n[pgbouncer]\n${lines.join('\n')}\n`
}

function renderUsers(users: Readonly<Record<string, string>>): string {
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
  return Object.entries(users)
    .map(([user, password]) => `${quoted(user)} ${quoted(password)}\n`)
    .join('')
}

/** A server of one test file's own, MariaDB or MySQL, on a Unix socket only, and the programs that look at it. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import {
  ENVIRONMENT,
  identity,
  giveTo,
  serverFiles,
  type ServerFiles,
} from '../../src/engine/embedded-files.ts'
import { freePort } from '../../src/engine/ports.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import type { Certificate } from './certificates.ts'
import { logTail, testDirectory } from './directories.ts'
import { dumpOf } from './mysql-dump.ts'
import { programPath, type ProgramName } from './programs.ts'
import { until } from './wait.ts'

const run = promisify(execFile)

export interface MysqlServer {
  readonly product: 'MariaDB' | 'MySQL'
  readonly pid: number
  readonly socket: string
  /** Of one that was started with a certificate. */
  readonly port: number | undefined
  /** URL of one of its databases. */
  readonly url: (database: string) => string
  /** Runs a script as `mariadb database < script` does; throws with what it wrote to standard error. */
  readonly script: (text: string, database?: string) => string
  /** An empty database; an older one of that name is dropped. */
  readonly create: (database: string, script?: string) => string
  /** What mysqldump says of a schema, one text for each object, in an order of its own: equal schemas, equal lists. */
  readonly dump: (database: string) => string[]
  /** Of one that was started with a certificate: connections from now on get this one. */
  readonly certify: (certificate: Certificate) => Promise<void>
  /** SIGKILL, as of a machine that loses power. */
  readonly kill: () => Promise<void>
  /** Starts it again after `kill`. */
  readonly start: () => Promise<void>
  /** Ends it and removes its data. */
  readonly remove: () => Promise<void>
}

/** What the two have in their own ways. */
export interface Product {
  readonly name: MysqlServer['product']
  readonly server: ProgramName
  readonly client: ProgramName
  readonly dump: ProgramName
  /** Program and arguments that make the files of an empty server. */
  readonly initialise: (dataDir: string) => readonly [string, readonly string[]]
  /** Beside those that both know. */
  readonly settings: () => readonly string[]
  readonly dumpSettings: readonly string[]
  /** Left out: it reads it when it starts. */
  readonly reloadCertificate: string | undefined
}

export interface ServerOptions {
  /** With it, the server listens on a port of 127.0.0.1 as well, and speaks TLS. */
  readonly certificate?: Certificate | undefined
  /** Arguments of the server beside the usual ones, the first time too. */
  readonly settings?: readonly string[]
}

const USER = 'root'

const CRASHES = new Set(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL'])

export async function startServer(product: Product, options: ServerOptions): Promise<MysqlServer> {
  const { certificate, settings = [] } = options
  const files = await serverFiles(await testDirectory(product.name.toLowerCase()))
  const socket = path.join(files.stateDir, 'run', 'socket')
  for (const directory of [files.dataDir, path.dirname(socket)]) {
    await mkdir(directory, { mode: 0o700 })
    await giveTo(files.account, directory)
  }
  const [program, initialise] = product.initialise(files.dataDir)
  // As for the server below: its temporary tables are its own.
  const environment = { ...ENVIRONMENT, TMPDIR: path.dirname(socket) }
  await run(program, [...initialise, ...settings], { ...identity(files), env: environment })
  const port = certificate === undefined ? undefined : await freePort()
  const rest = [...(await networkOf(files, port, certificate)), ...settings]
  let child = await launch(product, files, socket, rest)
  const script = (text: string, database?: string): string =>
    execFileSync(
      programPath(product.client),
      [...clientArguments(socket), ...(database === undefined ? [] : [database])],
      {
        input: text,
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    )
  return {
    product: product.name,
    get pid() {
      return child.pid as number
    },
    socket,
    port,
    url: (database) => `mysql://${USER}@localhost/${database}?socket=${encodeURIComponent(socket)}`,
    script,
    create: (database, text) => {
      script(`DROP DATABASE IF EXISTS \`${database}\`; CREATE DATABASE \`${database}\``)
      if (text !== undefined) script(text, database)
      return database
    },
    dump: (database) =>
      dumpOf(programPath(product.dump), [...loginArguments(socket), ...product.dumpSettings], database),
    certify: async (given) => {
      await writeCertificate(files, given)
      if (product.reloadCertificate !== undefined) return void script(product.reloadCertificate)
      await end(child)
      child = await launch(product, files, socket, rest)
    },
    kill: async () => await end(child),
    start: async () => {
      child = await launch(product, files, socket, rest)
    },
    remove: async () => {
      await end(child)
      await rm(files.stateDir, { recursive: true })
    },
  }
}

function loginArguments(socket: string): string[] {
  return ['--no-defaults', `--socket=${socket}`, `--user=${USER}`]
}

function clientArguments(socket: string): string[] {
  return [...loginArguments(socket), '--default-character-set=utf8mb4', '--comments']
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

async function networkOf(
  files: ServerFiles,
  port: number | undefined,
  certificate: Certificate | undefined,
): Promise<string[]> {
  if (port === undefined || certificate === undefined) return ['--skip-networking']
  const { cert, key } = await writeCertificate(files, certificate)
  return ['--bind-address=127.0.0.1', `--port=${port}`, `--ssl-cert=${cert}`, `--ssl-key=${key}`]
}

async function writeCertificate(
  files: ServerFiles,
  { certificate, key: secret }: Certificate,
): Promise<{ cert: string; key: string }> {
  const place = (name: string): string => path.join(files.stateDir, 'run', name)
  const [cert, key] = [place('cert.pem'), place('key.pem')]
  await writeFile(cert, certificate)
  await writeFile(key, secret)
  for (const file of [cert, key]) await giveTo(files.account, file)
  return { cert, key }
}

async function launch(
  product: Product,
  files: ServerFiles,
  socket: string,
  rest: readonly string[],
): Promise<ChildProcess> {
  const log = path.join(files.stateDir, 'log')
  const output = await open(log, 'a')
  const child = spawn(
    programPath(product.server),
    [
      '--no-defaults',
      `--datadir=${files.dataDir}`,
      `--socket=${socket}`,
      // Not the shared one: a server that starts removes all temporary tables there, also those of others.
      `--tmpdir=${path.dirname(socket)}`,
      `--pid-file=${path.join(path.dirname(socket), 'pid')}`,
      '--skip-log-bin',
      '--innodb-buffer-pool-size=32M',
      '--performance-schema=OFF',
      // What is written survives the process, which is all that these tests end.
      '--innodb-flush-method=nosync',
      '--innodb-flush-log-at-trx-commit=2',
      ...product.settings(),
      ...rest,
    ],
    { ...identity(files), env: ENVIRONMENT, stdio: ['ignore', output.fd, output.fd] },
  )
  await output.close()
  // A crash of its own ends every test of the file: here is why.
  child.on('exit', (_code, signal) => {
    if (CRASHES.has(String(signal)))
      void logTail(log, 200).then((tail) => console.error(`${product.name} crashed:\n${tail}`))
  })
  await until(
    async () => {
      if (child.exitCode !== null) return 'ended'
      await run(programPath(product.client), [...clientArguments(socket), '--execute=SELECT 1'])
      return 'ready'
    },
    { what: `${product.name} to answer`, timeoutMs: 60_000 },
  )
  if (child.exitCode !== null) throw new Error(`${product.name} ended while starting:\n${await logTail(log)}`)
  return child
}

/** Works in a session of ours on one of its databases, which is closed afterwards. */
export async function inSession<T>(
  server: MysqlServer,
  database: string,
  work: (session: SchemaSession) => Promise<T>,
): Promise<T> {
  const session = await mysql.connect(server.url(database))
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}

/** A MariaDB server of one test file's own, on a Unix socket only, and the programs that look at it. */
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
import { programPath } from './programs.ts'
import { until } from './wait.ts'

const run = promisify(execFile)

export interface MariaDb {
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

const USER = 'root'

const CRASHES = new Set(['SIGSEGV', 'SIGABRT', 'SIGBUS', 'SIGILL'])

/**
 * Needs `withProgram('mariadbd', 'mariadb', 'mariadbInstallDb', 'mariadbDump')`.
 * @param certificate with it, the server listens on a port of 127.0.0.1 as well, and speaks TLS
 */
export async function startMariaDb(certificate?: Certificate): Promise<MariaDb> {
  const files = await serverFiles(await testDirectory('mariadb'))
  const socket = path.join(files.stateDir, 'run', 'socket')
  for (const directory of [files.dataDir, path.dirname(socket)]) {
    await mkdir(directory, { mode: 0o700 })
    await giveTo(files.account, directory)
  }
  await run(
    programPath('mariadbInstallDb'),
    [
      '--no-defaults',
      `--datadir=${files.dataDir}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
    ],
    // As for the server below: its temporary tables are its own.
    { ...identity(files), env: { ...ENVIRONMENT, TMPDIR: path.dirname(socket) } },
  )
  const port = certificate === undefined ? undefined : await freePort()
  const network = await networkOf(files, port, certificate)
  let child = await launch(files, socket, network)
  const script = (text: string, database?: string): string =>
    execFileSync(
      programPath('mariadb'),
      [...clientArguments(socket), ...(database === undefined ? [] : [database])],
      {
        input: text,
        encoding: 'utf8',
        stdio: ['pipe', 'pipe', 'pipe'],
      },
    )
  return {
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
    dump: (database) => dumpOf(socket, database),
    certify: async (given) => {
      await writeCertificate(files, given)
      script('FLUSH SSL')
    },
    kill: async () => await end(child, 'SIGKILL'),
    start: async () => {
      child = await launch(files, socket, network)
    },
    remove: async () => {
      await end(child, 'SIGTERM')
      await rm(files.stateDir, { recursive: true })
    },
  }
}

function clientArguments(socket: string): string[] {
  return [
    '--no-defaults',
    `--socket=${socket}`,
    `--user=${USER}`,
    '--default-character-set=utf8mb4',
    '--comments',
  ]
}

async function end(child: ChildProcess, name: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(name)
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

async function launch(files: ServerFiles, socket: string, network: readonly string[]): Promise<ChildProcess> {
  const log = path.join(files.stateDir, 'log')
  const output = await open(log, 'a')
  const child = spawn(
    programPath('mariadbd'),
    [
      '--no-defaults',
      `--datadir=${files.dataDir}`,
      `--socket=${socket}`,
      // Not the shared one: a server that starts removes all temporary tables there, also those of others.
      `--tmpdir=${path.dirname(socket)}`,
      `--pid-file=${path.join(path.dirname(socket), 'pid')}`,
      ...network,
      '--skip-log-bin',
      '--innodb-buffer-pool-size=32M',
      '--innodb-log-file-size=16M',
      '--performance-schema=OFF',
      // What is written survives the process, which is all that these tests end.
      '--debug-no-sync',
      '--sync-frm=0',
      '--innodb-flush-method=nosync',
      '--innodb-flush-log-at-trx-commit=2',
    ],
    { ...identity(files), env: ENVIRONMENT, stdio: ['ignore', output.fd, output.fd] },
  )
  await output.close()
  // A crash of its own ends every test of the file: here is why.
  child.on('exit', (_code, signal) => {
    if (CRASHES.has(String(signal)))
      void logTail(log, 200).then((tail) => console.error(`MariaDB crashed:\n${tail}`))
  })
  await until(
    async () => {
      if (child.exitCode !== null) return 'ended'
      await run(programPath('mariadb'), [...clientArguments(socket), '--execute=SELECT 1'])
      return 'ready'
    },
    { what: 'MariaDB to answer', timeoutMs: 60_000 },
  )
  if (child.exitCode !== null) throw new Error(`MariaDB ended while starting:\n${await logTail(log)}`)
  return child
}

/** Lines of one table are sorted, since the order of columns and keys is no difference; everything else stays as it is. */
function dumpOf(socket: string, database: string): string[] {
  const text = execFileSync(
    programPath('mariadbDump'),
    [
      '--no-defaults',
      `--socket=${socket}`,
      `--user=${USER}`,
      '--no-data',
      '--routines',
      '--events',
      '--triggers',
      '--skip-comments',
      '--skip-opt',
      '--create-options',
      '--quote-names',
      database,
    ],
    { encoding: 'utf8', maxBuffer: 64 * 2 ** 20 },
  )
  const own = text.replaceAll(`\`${database}\`.`, '').replaceAll(/ AUTO_INCREMENT=\d+/g, '')
  const tables: string[] = []
  const rest = own.replaceAll(/^CREATE TABLE [\s\S]*?;$/gm, (table) => {
    tables.push(
      table
        .split('\n')
        .map((line) => line.replace(/,$/, ''))
        .toSorted()
        .join('\n'),
    )
    return ''
  })
  const others = rest.split(/^(?=CREATE |\/\*!50003 CREATE|\/\*!50001 CREATE|\/\*!50106 CREATE)/m)
  return [...tables, ...others.map(withoutSettings)].toSorted()
}

/** Without what sets and restores the session around an object: that depends on its neighbours. */
function withoutSettings(text: string): string {
  return text
    .split('\n')
    .filter(
      (line) => !/^(?:\/\*!\d+ SET |\/\*M?!\d+ DROP|SET |DELIMITER|\/\*M!999999|ALTER DATABASE|$)/.test(line),
    )
    .join('\n')
}

/** Works in a session of ours on one of its databases, which is closed afterwards. */
export async function inSession<T>(
  server: MariaDb,
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

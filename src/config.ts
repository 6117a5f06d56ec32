/**
 * Every setting, in one schema. Precedence: built-in default < `.env` file < environment < command-line flag.
 * This file is the only reader of the environment.
 */
import { readFileSync } from 'node:fs'
import { homedir, hostname, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { z } from 'zod'
import { TenantryError, type FieldError } from './lib/errors.ts'

const port = z.coerce.number().int().min(1).max(65535)
const count = (max: number): z.ZodType<number> => z.coerce.number().int().min(1).max(max)
const path = z.string().min(1)

interface Setting {
  readonly schema: z.ZodType
  readonly about: string
  readonly example: string
  readonly default?: string
  readonly alias?: string
}

/** The documented settings: name, meaning, default and an example of a right value. */
export const SETTINGS = {
  DATABASE_URL: {
    schema: z.string().regex(/^postgres(ql)?:\/\/\S+$/, 'is not a postgres:// URL'),
    about: 'Control database. Without it an embedded PostgreSQL is started under the state directory.',
    example: 'postgres://tenantry:secret@db.internal:5432/tenantry',
  },
  TENANTRY_STATE_DIR: {
    schema: path,
    about: 'Directory for the embedded server, the secret key and the first token.',
    example: '/var/lib/tenantry',
    default: '.tenantry',
  },
  TENANTRY_SECRET_KEY_FILE: {
    schema: path,
    about:
      'File with the key that encrypts stored credentials (32 bytes, base64). Made on first start when absent.',
    example: '/run/secrets/tenantry-key',
  },
  APP_HOST: {
    schema: z.string().min(1),
    about: 'Address the API listens on.',
    example: '0.0.0.0',
    default: '127.0.0.1',
  },
  APP_HOST_PORT: {
    schema: z.coerce.number().int().min(0).max(65535),
    about: 'Port the API listens on; 0 takes any free one.',
    example: '8001',
    default: '8001',
  },
  API_REQUESTS_PER_MINUTE: {
    schema: z.coerce.number().int().min(0).max(10_000_000),
    about:
      'Requests that one token may send to one API process in a minute, health and metrics aside; 0 is no limit.',
    example: '6000',
    default: '6000',
  },
  WORKERS: {
    schema: count(64),
    about: 'Worker processes that a `serve` or `up` runs.',
    example: '2',
    default: '1',
    alias: 'UVICORN_WORKERS',
  },
  DB_ENDPOINT: {
    schema: z
      .string()
      .min(1)
      .regex(/^[^\s/@]+$|^\//, 'is not a host name, an address or a socket directory'),
    about: 'Host of the tenant server that is registered at start.',
    example: 'pg-1.internal',
  },
  DB_PORT: { schema: port, about: 'Its port.', example: '5432', default: '5432' },
  DB_USERNAME: {
    schema: z.string().min(1),
    about: 'Its login role.',
    example: 'migrator',
    default: 'postgres',
  },
  DB_PASSWORD: { schema: z.string(), about: 'Its password.', example: 'a long random text' },
  DB_PASSWORD_FILE: { schema: path, about: 'File with that password.', example: '/run/secrets/db-password' },
  DB_SSLMODE: {
    schema: z.enum(['disable', 'require', 'verify-ca', 'verify-full']),
    about: 'TLS towards that server.',
    example: 'verify-full',
    default: 'disable',
  },
  PGBOUNCER_HOST: {
    schema: z.string().min(1),
    about: 'Pooler in front of that server.',
    example: 'pgbouncer',
  },
  PGBOUNCER_PORT: { schema: port, about: 'Its port.', example: '6432', default: '6432' },
  PGBOUNCER_DEFAULT_POOL_SIZE: {
    schema: count(100_000),
    about: 'Connections the pooler holds to the server: a rollout through it opens no more.',
    example: '200',
    default: '200',
  },
  MAX_CONCURRENT_CONNECTIONS: {
    schema: count(100_000),
    about: 'Most connections that rollouts open to one server, all workers together.',
    example: '100',
    default: '100',
  },
  ERROR_THRESHOLD_PERCENT: {
    schema: z.coerce.number().min(0).max(100),
    about: 'Share of failed tenants at which the circuit breaker pauses a rollout.',
    example: '10',
    default: '10',
  },
  MAX_RETRIES: {
    schema: z.coerce.number().int().min(0).max(100),
    about: 'Retries of one tenant after transient errors.',
    example: '3',
    default: '3',
  },
  LOCK_TIMEOUT: {
    schema: z.string().regex(/^[1-9]\d*(ms|s|min)$/, 'is not a time such as 2s'),
    about: 'How long a change waits for a lock before it is retried later.',
    example: '2s',
    default: '2s',
  },
  STATEMENT_TIMEOUT: {
    schema: z.string().regex(/^(0|[1-9]\d*(ms|s|min|h))$/, 'is not a time such as 30min, or 0 for none'),
    about: 'How long one statement of a change may run.',
    example: '30min',
    default: '30min',
  },
  ALEMBIC_CONFIG_PATH: {
    schema: path,
    about: 'alembic.ini of the project that versions are generated from when no source is named.',
    example: './alembic.ini',
  },
  SQL_VERSIONS_DIR: {
    schema: path,
    about: 'Directory that stored versions are written to and imported from.',
    example: './sql_versions',
  },
  TENANTRY_URL: {
    schema: z.url({ protocol: /^https?$/ }),
    about: 'API that the command line talks to.',
    example: 'https://tenantry.internal:8001',
  },
  TENANTRY_TOKEN_FILE: {
    schema: path,
    about: 'File with the token of the command line.',
    example: '~/.tenantry-token',
  },
  LOG_LEVEL: {
    schema: z.enum(['silent', 'error', 'warn', 'info', 'debug']),
    about: 'How much the server logs.',
    example: 'info',
    default: 'info',
  },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof SETTINGS
type Values = { [Name in SettingName]?: z.output<(typeof SETTINGS)[Name]['schema']> }

export interface Config {
  /** Where relative paths begin: the working directory. */
  readonly directory: string
  readonly databaseUrl: string | undefined
  readonly stateDir: string
  readonly secretKeyFile: string
  readonly tokenFile: string
  readonly tokenFileIsChosen: boolean
  /** Where a running API of this state directory says how it is reached. */
  readonly apiFile: string
  /** Where the command line asks; undefined when nobody said so. */
  readonly apiUrl: string | undefined
  readonly listen: { readonly host: string; readonly port: number }
  /** Per token and minute; 0: no limit. */
  readonly requestsPerMinute: number
  readonly workerProcesses: number
  /** The server that is registered at start. */
  readonly tenantServer:
    | {
        readonly host: string
        readonly port: number
        readonly user: string
        readonly password: string | undefined
        readonly ssl: 'disable' | 'require' | 'verify-ca' | 'verify-full'
      }
    | undefined
  readonly pooler: { readonly host: string; readonly port: number; readonly poolSize: number } | undefined
  readonly maxConcurrentConnections: number
  readonly errorThresholdPercent: number
  readonly maxRetries: number
  readonly lockTimeout: string
  readonly statementTimeout: string
  readonly alembicConfigPath: string | undefined
  readonly sqlVersionsDir: string
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug'
  readonly hostname: string
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Terminal facts, read here because they come from the environment. */
export function terminalEnvironment(): { noColor: boolean; dumb: boolean; ci: boolean } {
  const { NO_COLOR, TERM, CI } = process.env
  return { noColor: (NO_COLOR ?? '') !== '', dumb: TERM === 'dumb', ci: (CI ?? '') !== '' }
}

/** Where a user's programs keep what can be made again. */
export function cacheDirectory(): string {
  const { XDG_CACHE_HOME, HOME } = process.env
  if (process.getuid?.() === 0) return '/var/cache/tenantry'
  if (XDG_CACHE_HOME !== undefined && XDG_CACHE_HOME.startsWith('/')) return join(XDG_CACHE_HOME, 'tenantry')
  return join(HOME ?? homedir(), '.cache', 'tenantry')
}

/** What the command-line programs of PostgreSQL and MySQL take for a URL that does not say it. */
export function loginEnvironment(): {
  readonly user: string
  readonly postgresPassword: string | undefined
  readonly passwordFile: string
  readonly mysqlPassword: string | undefined
} {
  const { PGUSER, PGPASSWORD, PGPASSFILE, MYSQL_PWD, HOME } = process.env
  return {
    user: PGUSER ?? userInfo().username,
    postgresPassword: PGPASSWORD,
    passwordFile: PGPASSFILE ?? join(HOME ?? homedir(), '.pgpass'),
    mysqlPassword: MYSQL_PWD,
  }
}

/** What a child process may inherit: where programs are and how text is encoded, no secret. */
export function childEnvironment(): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'PYTHONPATH', 'VIRTUAL_ENV', 'USER']
  return Object.fromEntries(
    kept.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
  )
}

/** The whole environment, for a child that is Tenantry itself. */
export function ownEnvironment(): NodeJS.ProcessEnv {
  return process.env
}

export interface ConfigSources {
  readonly environment?: Environment
  /** Flags of the command line, by setting name. */
  readonly flags?: Partial<Record<SettingName, string>>
  /** What a program would rather have than the built-in defaults. */
  readonly defaults?: Partial<Record<SettingName, string>>
  /** Do not read the file `.env` of the directory. */
  readonly ignoreEnvFile?: boolean
  readonly directory?: string
}

/**
 * Reads and checks all settings.
 * @throws TenantryError `invalid_config` that names every wrong setting, its problem and an example.
 */
export function readConfig(sources: ConfigSources = {}): Config {
  const directory = sources.directory ?? process.cwd()
  const merged = {
    ...sources.defaults,
    ...(sources.ignoreEnvFile === true ? {} : readEnvFile(join(directory, '.env'))),
    ...withoutEmpty(sources.environment ?? process.env),
    ...withoutEmpty(sources.flags ?? {}),
  }
  const values = checkValues(merged)
  return assemble(values, directory)
}

function checkValues(merged: Record<string, string>): Values {
  const values: Record<string, unknown> = {}
  const errors: FieldError[] = []
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    const given =
      merged[name] ?? (setting.alias === undefined ? undefined : merged[setting.alias]) ?? setting.default
    if (given === undefined) continue
    const parsed = setting.schema.safeParse(given)
    if (parsed.success) values[name] = parsed.data
    else errors.push(wrongValue(name, given, setting, parsed.error))
  }
  if (errors.length > 0) {
    throw new TenantryError('invalid_config', errors.map((error) => error.message).join('\n'), { errors })
  }
  return values
}

function wrongValue(name: string, given: string, setting: Setting, error: z.ZodError): FieldError {
  const secret = /PASSWORD|DATABASE_URL/.test(name)
  const shown = secret ? 'The value' : JSON.stringify(given)
  const problem = error.issues.map((issue) => issue.message).join('; ')
  return {
    pointer: `/${name}`,
    code: 'invalid',
    message: `${name}: ${shown} is not valid (${problem}). Example: ${name}=${setting.example}`,
  }
}

function pooler(values: Values): Config['pooler'] {
  if (values.PGBOUNCER_HOST === undefined) return undefined
  return {
    host: values.PGBOUNCER_HOST,
    port: values.PGBOUNCER_PORT ?? 6432,
    poolSize: values.PGBOUNCER_DEFAULT_POOL_SIZE ?? 200,
  }
}

function assemble(values: Values, directory: string): Config {
  const stateDir = resolve(directory, values.TENANTRY_STATE_DIR ?? '.tenantry')
  const inside = (given: string | undefined, name: string): string =>
    given === undefined ? join(stateDir, name) : resolve(directory, given)
  const listen = { host: values.APP_HOST ?? '127.0.0.1', port: values.APP_HOST_PORT ?? 8001 }
  return {
    directory: resolve(directory),
    databaseUrl: values.DATABASE_URL,
    stateDir,
    secretKeyFile: inside(values.TENANTRY_SECRET_KEY_FILE, 'secret.key'),
    tokenFile: inside(values.TENANTRY_TOKEN_FILE, 'token'),
    tokenFileIsChosen: values.TENANTRY_TOKEN_FILE !== undefined,
    apiFile: join(stateDir, 'api.json'),
    apiUrl: values.TENANTRY_URL,
    listen,
    requestsPerMinute: values.API_REQUESTS_PER_MINUTE ?? 6000,
    workerProcesses: values.WORKERS ?? 1,
    tenantServer: tenantServer(values, directory),
    pooler: pooler(values),
    maxConcurrentConnections: values.MAX_CONCURRENT_CONNECTIONS ?? 100,
    errorThresholdPercent: values.ERROR_THRESHOLD_PERCENT ?? 10,
    maxRetries: values.MAX_RETRIES ?? 3,
    lockTimeout: values.LOCK_TIMEOUT ?? '2s',
    statementTimeout: values.STATEMENT_TIMEOUT ?? '30min',
    alembicConfigPath:
      values.ALEMBIC_CONFIG_PATH === undefined ? undefined : resolve(directory, values.ALEMBIC_CONFIG_PATH),
    sqlVersionsDir: resolve(directory, values.SQL_VERSIONS_DIR ?? 'sql_versions'),
    logLevel: values.LOG_LEVEL ?? 'info',
    hostname: hostname(),
  }
}

function tenantServer(values: Values, directory: string): Config['tenantServer'] {
  if (values.DB_ENDPOINT === undefined) return undefined
  return {
    host: values.DB_ENDPOINT,
    port: values.DB_PORT ?? 5432,
    user: values.DB_USERNAME ?? 'postgres',
    password: values.DB_PASSWORD ?? readSecretFile(values.DB_PASSWORD_FILE, directory),
    ssl: values.DB_SSLMODE ?? 'disable',
  }
}

function readSecretFile(file: string | undefined, directory: string): string | undefined {
  if (file === undefined) return undefined
  try {
    return readFileSync(resolve(directory, file), 'utf8').trimEnd()
  } catch (cause) {
    throw new TenantryError(
      'invalid_config',
      `DB_PASSWORD_FILE: ${file} cannot be read. Example: DB_PASSWORD_FILE=/run/secrets/db-password`,
      { cause },
    )
  }
}

function readEnvFile(file: string): Record<string, string> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw new TenantryError('invalid_config', `${file} cannot be read.`, { cause: error })
  }
  return withoutEmpty(parseEnv(text))
}

function withoutEmpty(values: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
    ),
  )
}

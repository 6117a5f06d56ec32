/** Runs API and workers until somebody asks them to stop: `up` and `serve`. */
import { isAbsolute, relative } from 'node:path'
import { readConfig, type Config, type SettingName } from '../config.ts'
import { TenantryError } from '../lib/errors.ts'
import { makeLog } from '../serve.ts'
import { startService, type Role, type Service } from '../service.ts'
import type { Cli } from './cli.ts'
import { EXIT, renderError } from './errors.ts'
import { aborted, stopSignal } from './signals.ts'

export interface ServiceOptions {
  readonly host?: string
  readonly port?: string
  readonly workers?: string
  readonly stateDir?: string
  readonly logLevel?: string
}

/** @param quietDefault log level where nobody chose one: a terminal is for people. */
export function readServiceConfig(options: ServiceOptions, quietDefault: boolean): Config {
  const flags: [SettingName, string | undefined][] = [
    ['APP_HOST', options.host],
    ['APP_HOST_PORT', options.port],
    ['WORKERS', options.workers],
    ['TENANTRY_STATE_DIR', options.stateDir],
    ['LOG_LEVEL', options.logLevel],
  ]
  return readConfig({
    flags: Object.fromEntries(flags.filter(([, value]) => value !== undefined)),
    defaults: quietDefault ? { LOG_LEVEL: 'warn' } : {},
  })
}

/** @returns the exit code, when it has been stopped and everything has ended. */
export async function runService(cli: Cli, config: Config, role: Role): Promise<number> {
  const running: { service?: Service } = {}
  const stop = stopSignal(() => running.service?.abandon())
  const log = makeLog(config.logLevel)
  const service = await startService({ config, log, role, starter: starterOf(process.argv) }).catch(
    (error: unknown) => {
      throw stateDirProblem(error, config.stateDir) ?? error
    },
  )
  running.service = service
  if (!stop.aborted) announce(cli, config, role, service)
  const failure = await Promise.race([aborted(stop), service.broken])
  if (typeof failure === 'string')
    process.stderr.write(
      renderError(new TenantryError('internal', failure), { json: false, terminal: cli.terminal }),
    )
  else
    cli.output.say(
      `Stopping at ${String(stop.reason)}: what is in hand is finished. Once more to end at once.`,
    )
  await service.stop()
  return failure === undefined ? EXIT.ok : EXIT.failure
}

/** A state directory that cannot be used is a wrong setting, not a failure of the program. */
function stateDirProblem(error: unknown, stateDir: string): TenantryError | undefined {
  if (!(error instanceof Error && 'code' in error && 'path' in error)) return undefined
  const isInside = !relative(stateDir, String(error.path)).startsWith('..')
  if (!isInside || !['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'ENOSPC'].includes(String(error.code)))
    return undefined
  return new TenantryError(
    'invalid_config',
    `The state directory ${stateDir} cannot be used: ${error.message}`,
    {
      cause: error,
      nextSteps: [
        'Choose another with --state-dir or TENANTRY_STATE_DIR, or make it writable for this user.',
      ],
    },
  )
}

/** The file that this program was started with. */
export function starterOf(argv: readonly string[]): string {
  const [, file] = argv
  if (file === undefined) throw new Error('the program was started without a file')
  return file
}

function announce(cli: Cli, config: Config, role: Role, service: Service): void {
  const facts = {
    url: service.url ?? null,
    token_file: service.url === undefined ? null : config.tokenFile,
    role,
    workers: role === 'api' ? 0 : config.workerProcesses,
    embedded: service.embedded,
    state_dir: config.stateDir,
    pid: process.pid,
  }
  if (cli.output.format === 'none') return
  if (!cli.output.forPeople) return cli.output.event(facts)
  const lines = [
    'Tenantry is running.',
    ...(service.url === undefined
      ? []
      : [
          `  API      ${service.url}  (what it can do: ${service.url}/docs)`,
          `  token    ${near(config.tokenFile)}`,
        ]),
    `  database ${service.embedded ? `embedded PostgreSQL, data under ${near(config.stateDir)}` : 'as DATABASE_URL says'}`,
    `  workers  ${facts.workers}`,
    'Stop it with Ctrl-C.',
  ]
  cli.output.print(lines.join('\n'))
}

/** Relative where that is shorter to read. */
export function near(path: string): string {
  const short = relative(process.cwd(), path)
  return short === '' || short.startsWith('..') || isAbsolute(short) ? path : short
}

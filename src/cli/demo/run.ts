/** The demo: a Tenantry of its own, the story, a summary. */
import { existsSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readConfig, type Config } from '../../config.ts'
import { readTokenFile } from '../../control/first-token.ts'
import { startEmbedded } from '../../engine/embedded.ts'
import { makeLog } from '../../serve.ts'
import { startService, type Service } from '../../service.ts'
import { apiAt } from '../api.ts'
import type { Cli } from '../cli.ts'
import { EXIT } from '../errors.ts'
import { duration } from '../format.ts'
import { near, starterOf } from '../run-service.ts'
import { aborted, stopSignal } from '../signals.ts'
import { tell, type Told } from './story.ts'
import { summaryText, summaryValue } from './summary.ts'

export interface DemoOptions {
  readonly tenants: number
  readonly keep?: boolean
  readonly json?: boolean
  readonly port: string
}

/** A power cut may take the demo's databases: they hold nothing, and waiting for the disk would be most of its time. */
const NOT_DURABLE = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }

/** @returns the exit code */
export async function runDemo(cli: Cli, options: DemoOptions): Promise<number> {
  const running: { service?: Service } = {}
  const stop = stopSignal(() => running.service?.abandon())
  const begun = performance.now()
  const config = demoConfig(options)
  await clear(config.stateDir)
  const log = makeLog('info', join(config.stateDir, 'tenantry.log'))
  const service = await startService({
    config,
    log,
    role: 'all',
    starter: starterOf(process.argv),
    postgres: NOT_DURABLE,
  })
  running.service = service
  try {
    stop.throwIfAborted()
    const url = service.url ?? ''
    cli.output.say(
      `An embedded PostgreSQL, control database, API and a worker run after ${duration(performance.now() - begun)}.`,
    )
    const api = apiAt(url, await readTokenFile(config.tokenFile))
    const told = await tell({ cli, api, app: service.app, tenants: options.tenants, stop })
    report(cli, options, told, { url, config, seconds: (performance.now() - begun) / 1000 })
    if (options.keep === true) await aborted(stop)
    return EXIT.ok
  } catch (error) {
    if (!stop.aborted) throw error
    return EXIT.interrupted
  } finally {
    if (stop.aborted) cli.output.say('Stopping.')
    await service.stop()
  }
}

/** Nothing of the surroundings but where it is: the demo touches no other database. */
function demoConfig(options: DemoOptions): Config {
  const stateDir = join(readConfig().stateDir, 'demo')
  return readConfig({
    environment: {},
    ignoreEnvFile: true,
    flags: { TENANTRY_STATE_DIR: stateDir, APP_HOST_PORT: options.port, LOG_LEVEL: 'info' },
  })
}

/** Removes what an earlier demo left, its server too if it was killed. @throws TenantryError when one is running. */
async function clear(stateDir: string): Promise<void> {
  const postgres = join(stateDir, 'postgres')
  if (existsSync(join(postgres, 'data', 'postmaster.pid'))) {
    const left = await startEmbedded({ stateDir: postgres })
    await left.stop()
  }
  await rm(stateDir, { recursive: true, force: true })
  await mkdir(stateDir, { recursive: true })
}

function report(
  cli: Cli,
  options: DemoOptions,
  told: Told,
  facts: { url: string; config: Config; seconds: number },
): void {
  const summary = { ...facts, told, tenants: options.tenants, tokenFile: facts.config.tokenFile }
  if (options.json === true || !cli.output.forPeople) return cli.output.event(summaryValue(summary))
  cli.output.print(
    summaryText({
      ...summary,
      tokenFile: near(summary.tokenFile),
      stateDir: near(facts.config.stateDir),
      stays: options.keep === true,
    }),
  )
}

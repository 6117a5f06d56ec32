/** What the demo does, all of it by the API, as anybody would. */
import type { App } from '../../api/app.ts'
import { TenantryError } from '../../lib/errors.ts'
import { LOCAL_SERVER } from '../../provisioning/local.ts'
import type { Api } from '../api.ts'
import type { Cli } from '../cli.ts'
import { count, duration } from '../format.ts'
import { followOperation } from '../operations.ts'
import { gather } from '../pages.ts'
import { groupText, hasSucceeded, type Rollout } from '../rollouts/render.ts'
import { followRollout } from '../rollouts/watch.ts'
import { mendMishaps, plantMishaps } from './mishaps.ts'
import { LOYALTY, STRICTER } from './versions.ts'

export interface Stage {
  readonly cli: Cli
  readonly api: Api
  /** Only for what happens inside of tenants' databases, by other hands than Tenantry's. */
  readonly app: App
  readonly tenants: number
  /** Aborted when somebody wants it to end. */
  readonly stop: AbortSignal
}

export interface Told {
  readonly simulateSeconds: number
  readonly rollouts: readonly Rollout[]
  /** How many tenants had failed when the breaker paused the second rollout. */
  readonly failedAtFirst: number
}

const PREFIX = 'demo_'
const WAVES = '1, 10%, rest'
/** Slow enough for the breaker to be seen: without a limit 300 tenants are done before anybody could look. */
const CAREFUL_CONNECTIONS = 4

/** @throws TenantryError when something went otherwise than the demo promises; what `stop` gives as its reason. */
export async function tell(stage: Stage): Promise<Told> {
  const say = speaker(stage)
  say(
    `\n1. ${count(stage.tenants)} tenant databases, copied from a template with a dozen tables and data in them`,
  )
  const simulateSeconds = await makeTenants(stage)
  say(`   ${count(stage.tenants)} databases in ${duration(simulateSeconds * 1000)}`)

  say(`\n2. Version one, "${LOYALTY.description}", in the waves ${WAVES}`)
  const first = await rollOut(stage, LOYALTY, {})
  expect(hasSucceeded(first), `The first rollout should have succeeded everywhere; it is ${first.status}.`)
  sayDone(stage, first)

  const victims = await chooseVictims(stage, first)
  await plantMishaps(stage.app, LOCAL_SERVER, victims)
  say(
    `\n3. Version two, "${STRICTER.description}". The data of ${count(victims.length)} tenants does not allow it; nobody knows that yet`,
  )
  const paused = await rollOut(stage, STRICTER, { max_connections: CAREFUL_CONNECTIONS })
  expect(paused.progress.failed > 0, 'Tenants of the second rollout should have failed.')
  sayTrouble(stage, paused)

  say(`\n4. The data is mended in those tenants; the failed ones are tried again and the rollout goes on`)
  await mendMishaps(stage.app, LOCAL_SERVER, victims)
  await stage.api.call(stage.api.at('rollouts.retry'), {
    params: { job_id: paused.job_id },
    body: { reason: 'data mended' },
  })
  const second = await follow(stage, paused.job_id)
  expect(hasSucceeded(second), `The second rollout should have succeeded in the end; it is ${second.status}.`)
  sayDone(stage, second)
  return { simulateSeconds, rollouts: [first, second], failedAtFirst: paused.progress.failed }
}

function speaker({ cli }: Stage): (text: string) => void {
  return (text) => cli.output.say(text)
}

async function makeTenants({ cli, api, tenants, stop }: Stage): Promise<number> {
  const begun = performance.now()
  const started = await api.call(api.at('simulate.create'), { body: { count: tenants, prefix: PREFIX } })
  await followOperation(cli, api, started.operation_id, { stop })
  stop.throwIfAborted()
  return (performance.now() - begun) / 1000
}

async function rollOut(
  stage: Stage,
  version: typeof LOYALTY,
  steering: { max_connections?: number },
): Promise<Rollout> {
  const { api } = stage
  const stored = await api.call(api.at('versions.store'), {
    body: {
      description: version.description,
      upgrade_sql: version.upgrade,
      downgrade_sql: version.downgrade,
    },
  })
  const body = { version_id: stored.version_id, waves: WAVES, reason: 'demo', ...steering }
  const started = await api.call(api.at('rollouts.start'), { body })
  return follow(stage, started.job_id)
}

async function follow({ cli, api, stop }: Stage, jobId: string): Promise<Rollout> {
  const last = await followRollout(cli, api, jobId, stop)
  stop.throwIfAborted()
  if (last === undefined) throw new TenantryError('internal', `Nothing was heard of rollout ${jobId}.`)
  return last
}

/** Tenants of the last wave, from its beginning: the waves before find nothing, so that it is the breaker that acts. */
async function chooseVictims({ api, tenants }: Stage, first: Rollout): Promise<string[]> {
  const last = first.waves.length
  const { rows } = await gather(0, (page) =>
    api.call(api.at('rollouts.targets'), {
      params: { job_id: first.job_id },
      query: { wave: last, ...page },
    }),
  )
  const wanted = Math.max(3, Math.round(tenants * 0.1))
  return rows
    .filter((_row, index) => index % 2 === 1)
    .slice(0, wanted)
    .map((row) => row.database)
}

function sayDone(stage: Stage, { progress, latency, elapsed_seconds: seconds }: Rollout): void {
  speaker(stage)(
    `   done: ${count(progress.successful)} of ${count(progress.total)} tenants in ${duration(seconds * 1000)}, p95 ${duration(latency.p95_ms)} each`,
  )
}

function sayTrouble(stage: Stage, rollout: Rollout): void {
  const say = speaker(stage)
  const untouched = rollout.progress.total - rollout.progress.completed
  say(
    `   ${rollout.status}: ${rollout.reason ?? 'tenants failed'}; ${count(untouched)} tenants were not touched`,
  )
  for (const group of rollout.errors) say(`   ${groupText(group)}`)
}

function expect(truth: boolean, message: string): void {
  if (!truth)
    throw new TenantryError('internal', message, {
      nextSteps: ['The log is in tenantry.log, in the state directory.'],
    })
}

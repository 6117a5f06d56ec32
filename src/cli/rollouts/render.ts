/** A rollout in words. Pure: from what the API says to text. */
import type { Answer } from '../api.ts'
import { count, duration, rate } from '../format.ts'
import { bar } from '../progress.ts'
import { oneLine } from '../terminal.ts'

export type Rollout = Answer<'rollouts.get'>
type ErrorGroup = Rollout['errors'][number]

/** `wave 3/5 ███▌ 41,208/100,000  812/s  err 17 (2 kinds)  ETA 1m04` */
export function progressText(rollout: Rollout): string {
  const { progress, errors } = rollout
  const wave = rollout.waves.find((one) => one.wave === rollout.current_wave)
  const parts = [
    `wave ${rollout.current_wave}/${rollout.waves.length} ${bar(progress.total === 0 ? 1 : progress.completed / progress.total)} ${count(progress.completed)}/${count(progress.total)}`,
    rollout.status === 'running'
      ? rollout.rate > 0
        ? rate(rollout.rate)
        : ''
      : rollout.status.replace('_', ' '),
    progress.failed === 0
      ? ''
      : `err ${count(progress.failed)} (${errors.length} ${errors.length === 1 ? 'kind' : 'kinds'})`,
    progress.retries === 0 ? '' : `retries ${count(progress.retries)}`,
    wave?.status === 'soaking' ? 'soaking' : '',
    ...rollout.servers
      .filter((server) => server.status !== 'open')
      .map((server) => `${server.server} ${server.status}`),
    rollout.eta_seconds === null || rollout.status !== 'running'
      ? ''
      : `ETA ${duration(rollout.eta_seconds * 1000)}`,
  ]
  return parts.filter(Boolean).join('  ')
}

/** `23505 could not create unique index …: 17 tenants, e.g. sim_3, sim_9 (group 3f2a9c01d2e4)` */
export function groupText(group: ErrorGroup): string {
  const examples = group.tenants.slice(0, 3).join(', ')
  return oneLine(
    `${group.sqlstate ?? ''} ${group.message ?? 'failed'}: ${count(group.count)} ${group.count === 1 ? 'tenant' : 'tenants'}, e.g. ${examples} (group ${group.group})`.trim(),
  )
}

type EventData = Readonly<Record<string, unknown>>

const EVENTS: Readonly<Record<string, (data: EventData) => string>> = {
  'rollout.wave_started': ({ wave }) => `Wave ${String(wave)} begins.`,
  'rollout.soaking': ({ wave }) => `Wave ${String(wave)} is done and soaks.`,
  'rollout.awaiting_approval': ({ wave }) =>
    `Wave ${String(wave)} is done; the next one waits for an approval.`,
  'rollout.approved': (data) => `Wave ${String(data['wave'])} was approved${by(data)}.`,
  'rollout.breaker_tripped': (data) => `The circuit breaker paused the rollout${because(data)}`,
  'rollout.server_tripped': (data) => `The circuit breaker closed the lane of one server${because(data)}`,
  'rollout.server_down': (data) => `Server ${String(data['server'])} is down${because(data)}`,
  'rollout.server_up': ({ server }) => `Server ${String(server)} answers again.`,
  'rollout.server_given_up': (data) => `A server was given up${because(data)}`,
  'rollout.paused': (data) => `The rollout was paused${by(data)}${because(data)}`,
  'rollout.resumed': (data) => `The rollout was resumed${by(data)}${because(data)}`,
  'rollout.stopped': (data) => `The rollout was stopped${by(data)}${because(data)}`,
  'rollout.retried': (data) => `${String(data['retried'])} tenants are tried again${by(data)}.`,
  'rollout.skipped': (data) => `${String(data['skipped'])} tenants are left out${by(data)}${because(data)}`,
}

function by(data: EventData): string {
  return typeof data['by'] === 'string' ? ` by ${data['by']}` : ''
}

function because(data: EventData): string {
  return typeof data['reason'] === 'string' ? `: ${data['reason']}` : ''
}

/** What happened, for the log of a watched rollout; undefined for what the progress says already. */
export function eventText(type: string, data: EventData): string | undefined {
  return Object.hasOwn(EVENTS, type) ? EVENTS[type]?.(data) : undefined
}

/** The facts at the end, as lines. */
export function summaryLines(rollout: Rollout): string[] {
  const { progress, latency } = rollout
  const done = progress.successful + progress.failed
  const speed = rollout.elapsed_seconds > 0 ? ` (${rate(done / rollout.elapsed_seconds)})` : ''
  const what = `${rollout.dry_run ? 'dry run of ' : ''}${rollout.direction === 'downgrade' ? 'undoing ' : ''}version ${rollout.version_id}`
  return [
    `Rollout ${rollout.job_id} ${rollout.status.replace('_', ' ')}: ${what}, ${count(progress.completed)} of ${count(progress.total)} tenants in ${duration(rollout.elapsed_seconds * 1000)}${speed}`,
    `  successful ${count(progress.successful)} (had it already: ${count(progress.already_applied)})  failed ${count(progress.failed)}  skipped ${count(progress.skipped)}  retries ${count(progress.retries)}`,
    `  latency p50 ${duration(latency.p50_ms)}  p95 ${duration(latency.p95_ms)}  p99 ${duration(latency.p99_ms)}`,
    ...(rollout.reason === null ? [] : [`  ${oneLine(rollout.reason)}`]),
    ...rollout.errors.map((group) => `  ${groupText(group)}`),
    ...nextSteps(rollout).map((step) => `→ ${step}`),
  ]
}

/** What can be done about the state that a rollout is in. */
function nextSteps(rollout: Rollout): string[] {
  const { job_id: id, status, progress } = rollout
  if (status === 'awaiting_approval') return [`Approve the next wave: tenantry rollout approve ${id}`]
  if (progress.failed > 0 && status !== 'stopped') {
    return [
      `See which: tenantry rollout targets ${id} --state failed`,
      `Try them again once it is mended: tenantry rollout retry ${id}`,
      ...(status === 'paused'
        ? [`Go on without them: tenantry rollout resume ${id}`, `Or end it: tenantry rollout stop ${id}`]
        : []),
    ]
  }
  return status === 'paused' ? [`Go on: tenantry rollout resume ${id}`] : []
}

/** True when nothing more happens until somebody does something; approvals are waited for. */
export function hasSettled(rollout: Rollout): boolean {
  const ended = rollout.status === 'completed' || rollout.status === 'stopped'
  return (
    (ended || (rollout.status === 'paused' && rollout.breaker === 'open')) && rollout.progress.in_flight === 0
  )
}

/** True when every tenant has it. */
export function hasSucceeded(rollout: Rollout): boolean {
  return rollout.status === 'completed' && rollout.progress.failed === 0
}

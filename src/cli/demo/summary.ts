/** The figures at the end of the demo. */
import { count, duration, rate } from '../format.ts'
import type { Rollout } from '../rollouts/render.ts'
import type { Told } from './story.ts'

interface Facts {
  readonly told: Told
  readonly tenants: number
  readonly seconds: number
  readonly url: string
  readonly tokenFile: string
}

/** One object for programs; times in seconds and milliseconds as their names say. */
export function summaryValue({ told, tenants, seconds, url, tokenFile }: Facts): Record<string, unknown> {
  return {
    tenants,
    seconds: round(seconds),
    databases_per_second: round(tenants / told.simulateSeconds),
    failed_before_retry: told.failedAtFirst,
    rollouts: told.rollouts.map((rollout) => ({
      job_id: rollout.job_id,
      version_id: rollout.version_id,
      status: rollout.status,
      waves: rollout.waves.length,
      seconds: rollout.elapsed_seconds,
      tenants_per_second: round(speedOf(rollout)),
      latency: rollout.latency,
      successful: rollout.progress.successful,
      failed: rollout.progress.failed,
      skipped: rollout.progress.skipped,
      retries: rollout.progress.retries,
    })),
    url,
    token_file: tokenFile,
  }
}

export function summaryText(facts: Facts & { stateDir: string; stays: boolean }): string {
  const { told, tenants, seconds } = facts
  return [
    '',
    `${count(tenants)} tenants, two versions, ${duration(seconds * 1000)} in all`,
    `  databases  ${rate(tenants / told.simulateSeconds)} made`,
    ...told.rollouts.map((rollout, index) => `  version ${index + 1}  ${figures(rollout)}`),
    '  (version 2 with few connections, and with the pause in which its data was mended)',
    '',
    ...lookFurther(facts),
  ].join('\n')
}

function figures({ latency, progress, ...rollout }: Rollout): string {
  const times = `p50 ${duration(latency.p50_ms)}, p95 ${duration(latency.p95_ms)}, p99 ${duration(latency.p99_ms)}`
  return `${rate(speedOf({ progress, elapsed_seconds: rollout.elapsed_seconds }))}, ${times}, retries ${progress.retries}, skipped ${progress.skipped}`
}

function lookFurther({
  url,
  tokenFile,
  stateDir,
  stays,
}: {
  url: string
  tokenFile: string
  stateDir: string
  stays: boolean
}): string[] {
  if (!stays) {
    return [
      'Everything is stopped. To look further, start it again (or take --keep next time):',
      `  tenantry up --state-dir ${stateDir} --port ${new URL(url).port}`,
      `  API    ${url}/docs`,
      `  token  ${tokenFile}`,
    ]
  }
  return [
    'Look further, until Ctrl-C:',
    `  API    ${url}/docs`,
    `  token  ${tokenFile}`,
    `  tenantry --url ${url} --token-file ${tokenFile} rollout list`,
  ]
}

function speedOf({
  progress,
  elapsed_seconds: seconds,
}: Pick<Rollout, 'progress' | 'elapsed_seconds'>): number {
  return seconds > 0 ? (progress.successful + progress.failed) / seconds : 0
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}

/** Rollouts, their waves, targets and errors as tables. */
import type { Item } from '../api.ts'
import type { Cli } from '../cli.ts'
import { count, duration, moment } from '../format.ts'
import type { View } from '../output.ts'
import { progressText, summaryLines, type Rollout } from './render.ts'

export const ROLLOUT_VIEW: View<Item<'rollouts.list'>> = {
  name: (rollout) => rollout.job_id,
  columns: [
    { title: 'ROLLOUT', value: (rollout) => rollout.job_id },
    { title: 'VERSION', value: (rollout) => rollout.version_id },
    { title: 'STATUS', value: (rollout) => `${rollout.status}${rollout.dry_run ? ' (dry run)' : ''}` },
    {
      title: 'DONE',
      value: ({ progress }) => `${count(progress.completed)}/${count(progress.total)}`,
      right: true,
    },
    { title: 'FAILED', value: ({ progress }) => progress.failed, right: true },
    { title: 'CREATED', value: (rollout) => moment(rollout.created_at) },
    { title: 'TOOK', value: (rollout) => duration(rollout.elapsed_seconds * 1000), right: true },
    { title: 'DIRECTION', value: (rollout) => rollout.direction, wide: true },
    { title: 'SELECTOR', value: (rollout) => rollout.selector, wide: true },
    { title: 'REASON', value: (rollout) => rollout.reason, wide: true },
  ],
}

const WAVE_VIEW: View<Rollout['waves'][number]> = {
  name: (wave) => wave.wave,
  columns: [
    { title: 'WAVE', value: (wave) => wave.wave, right: true },
    { title: 'SIZE', value: (wave) => wave.name },
    { title: 'STATUS', value: (wave) => wave.status.replace('_', ' ') },
    { title: 'TENANTS', value: (wave) => count(wave.total), right: true },
    { title: 'SUCCESSFUL', value: (wave) => count(wave.successful), right: true },
    { title: 'FAILED', value: (wave) => count(wave.failed), right: true },
    { title: 'SKIPPED', value: (wave) => count(wave.skipped), right: true },
    { title: 'GATE', value: ({ gate }) => gateText(gate) },
  ],
}

function gateText(gate: Rollout['waves'][number]['gate']): string {
  const parts = [
    `errors ≤ ${gate.max_error_percent}%`,
    gate.soak_seconds > 0 ? `soak ${gate.soak_seconds} s` : '',
    gate.approval ? 'approval' : '',
  ]
  return parts.filter(Boolean).join(', ')
}

const SERVER_VIEW: View<Rollout['servers'][number]> = {
  name: (server) => server.server,
  columns: [
    { title: 'SERVER', value: (server) => server.server },
    { title: 'STATUS', value: (server) => server.status },
    { title: 'TENANTS', value: (server) => count(server.total), right: true },
    { title: 'SUCCESSFUL', value: (server) => count(server.successful), right: true },
    { title: 'FAILED', value: (server) => count(server.failed), right: true },
    { title: 'REASON', value: (server) => server.reason },
  ],
}

export const TARGET_VIEW: View<Item<'rollouts.targets'>> = {
  name: (target) => target.tenant,
  columns: [
    { title: 'TENANT', value: (target) => target.tenant },
    { title: 'SERVER', value: (target) => target.server },
    { title: 'WAVE', value: (target) => target.wave, right: true },
    { title: 'STATE', value: (target) => target.state },
    { title: 'OUTCOME', value: (target) => target.outcome },
    { title: 'ATTEMPTS', value: (target) => target.attempts, right: true },
    { title: 'TOOK', value: (target) => duration(target.duration_ms), right: true },
    { title: 'SQLSTATE', value: (target) => target.sqlstate },
    { title: 'ERROR', value: (target) => target.error },
    { title: 'GROUP', value: (target) => target.error_group, wide: true },
    { title: 'DATABASE', value: (target) => target.database, wide: true },
    { title: 'SCHEMA', value: (target) => target.schema, wide: true },
    { title: 'FINISHED', value: (target) => moment(target.finished_at), wide: true },
  ],
}

export const GROUP_VIEW: View<Item<'rollouts.errors'>> = {
  name: (group) => group.group,
  columns: [
    { title: 'GROUP', value: (group) => group.group },
    { title: 'TENANTS', value: (group) => count(group.count), right: true },
    { title: 'SQLSTATE', value: (group) => group.sqlstate },
    { title: 'MESSAGE', value: (group) => group.message },
    { title: 'EXAMPLES', value: (group) => group.tenants.slice(0, 3).join(', ') },
  ],
}

/** All of it for people; the document itself for programs. */
export function showStatus(cli: Cli, rollout: Rollout): void {
  if (!cli.output.forPeople) return cli.output.list([rollout], ROLLOUT_VIEW, { body: rollout })
  if (rollout.status === 'running') cli.output.print(progressText(rollout))
  cli.output.print(summaryLines(rollout).join('\n'))
  cli.output.print('')
  cli.output.list(rollout.waves, WAVE_VIEW)
  if (rollout.servers.length > 1 || rollout.servers.some((server) => server.status !== 'open')) {
    cli.output.print('')
    cli.output.list(rollout.servers, SERVER_VIEW)
  }
}

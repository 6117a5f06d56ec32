/** Bringing tenants to a snapshot, as the command line shows it. */
import { existsSync } from 'node:fs'
import type { ServerKind } from '../engine/address.ts'
import { TARGET_NAME } from '../schema/drift/names.ts'
import type { Answer, Api } from './api.ts'
import type { Cli } from './cli.ts'
import { scanAndWait, tenantCount } from './drift.ts'
import { EXIT } from './errors.ts'
import { count } from './format.ts'
import { isStoredName } from './schema/stores.ts'
import { followOperation } from './operations.ts'
import type { WaitOptions } from './options.ts'
import type { Planning } from './planning.ts'

interface Started {
  readonly difference: string
  readonly tenants: number
  readonly rollout?: string
  readonly refused?: string
}

export interface Target {
  readonly to: string
  /** Of the tenants that are held against it. */
  readonly selector: string
  /** What SQL is written for; that of the tenants when absent. */
  readonly dialect?: ServerKind | undefined
  /** URL of a server to load SQL into. */
  readonly scratch?: string | undefined
}

/**
 * What `--to` names, as the API knows it: a stored snapshot as it is; anything else that has a schema is read here
 * and stored first.
 * @returns a reference to a stored snapshot
 */
export async function storedTarget(cli: Cli, api: Api, target: Target): Promise<string> {
  const { to, scratch } = target
  if (isStoredName(to) && !existsSync(to)) return to
  const dialect = target.dialect ?? (await dialectOf(api, target.selector))
  const { withSchemas } = await import('./schema/sources.ts')
  return withSchemas(
    cli,
    [to],
    { store: 'snapshots', dialect, ...(scratch === undefined ? {} : { scratch }) },
    async ([schema]) => {
      const snapshot = JSON.parse(JSON.stringify(schema?.snapshot)) as Record<string, unknown>
      const body = {
        name: TARGET_NAME,
        snapshot,
        message: to.includes('://') ? 'from a database' : `from ${to}`,
      }
      return (await api.call(api.at('snapshots.store'), { body })).fingerprint
    },
  )
}

/** What the first of the tenants speaks: SQL says nothing of that itself. */
async function dialectOf(api: Api, selector: string): Promise<ServerKind> {
  const { items } = await api.call(api.at('tenants.list'), { query: { selector, limit: 1 } })
  const [tenant] = items
  if (tenant === undefined) return 'postgres'
  return (await api.call(api.at('servers.get'), { params: { name: tenant.server } })).kind
}

/** Follows the operation, then its rollouts, one after the other. */
export async function syncTenants(
  cli: Cli,
  api: Api,
  started: Answer<'schema.sync'>,
  options: WaitOptions,
): Promise<number> {
  const ended = await followOperation(cli, api, started.operation_id, options)
  if (ended === undefined) return EXIT.interrupted
  const result = ended.result as unknown as { in_sync: number; unreachable: number; groups: Started[] }
  cli.output.value(result, summaryOf(result))
  const refused = result.groups.some((group) => group.refused !== undefined)
  let worst: number = refused ? EXIT.conflict : result.unreachable > 0 ? EXIT.failedTargets : EXIT.ok
  if (options.wait === false) return worst
  const { watchRollout } = await import('./rollouts/watch.ts')
  for (const { rollout } of result.groups) {
    if (rollout === undefined) continue
    const code = await watchRollout(cli, api, rollout, { timeout: options.timeout })
    if (code !== EXIT.ok) worst = code
  }
  return worst
}

function summaryOf(result: { in_sync: number; unreachable: number; groups: readonly Started[] }): string {
  const lines = result.groups.map(({ difference, tenants, rollout, refused }) =>
    rollout === undefined
      ? `${difference}  ${tenantCount(tenants)}, not begun: ${refused ?? ''}`
      : `${difference}  ${tenantCount(tenants)}, rollout ${rollout}`,
  )
  const rest = result.unreachable === 0 ? '' : `, ${count(result.unreachable)} could not be reached`
  return [...lines, `${tenantCount(result.in_sync)} in sync${rest}`].join('\n')
}

/** The plan for each way to differ; nothing is run. */
export async function showPlans(
  cli: Cli,
  options: WaitOptions & Planning & { selector: string; to: string },
): Promise<number> {
  const found = await scanAndWait(cli, { ...options, expected: options.to })
  if (found === undefined) return EXIT.interrupted
  const api = await cli.api()
  const plans = []
  for (const group of found.groups) {
    const plan = await api.call(api.at('drift.plan'), {
      params: { key: group.key },
      query: { style: options.style },
    })
    plans.push({ difference: group.key, tenants: group.tenants, summary: group.summary, ...plan })
  }
  const text = plans.map(({ difference, tenants, summary, sql, must_allow: hazards }) =>
    [
      `-- ${difference}: ${tenantCount(tenants)}`,
      ...summary.map((sentence) => `--   ${sentence}`),
      ...hazards.map((hazard) => `-- needs --allow ${hazard.name}: ${hazard.detail}`),
      sql,
    ].join('\n'),
  )
  cli.output.value(
    { counts: found.counts, plans },
    [...text, summaryOf({ ...found.counts, groups: [] })].join('\n'),
  )
  return found.counts.unreachable > 0 ? EXIT.failedTargets : EXIT.ok
}

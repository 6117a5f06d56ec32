/** Bringing tenants to a schema: repairs of one way to differ, and the whole of a selection. */
import { z } from 'zod'
import { enqueueOperation } from '../control/operations/store.ts'
import { planRepair, startRepair } from '../rollout/repair.ts'
import { parseAllowed, hazardsToAllow } from '../schema/plan/allow.ts'
import { LOCK_LEVELS } from '../schema/plan/plan.ts'
import { isMasked } from '../schema/plan/masked.ts'
import { versionSql } from '../schema/plan/version-sql.ts'
import { requireTenants } from '../registry/tenants.ts'
import { controlStore } from '../schema/snapshot/stores/control.ts'
import { differenceKey, snapshotReference } from './drift.ts'
import { defineEndpoint } from './endpoint.ts'
import { allow, hazard, style } from './planning.ts'
import { reasonText } from './fields.ts'
import { optionsOf, steering, wavesOf } from './rollout-steering.ts'
import { selectorText, startedOperation } from './tenants.ts'

const plan = defineEndpoint({
  id: 'drift.plan',
  method: 'GET',
  path: '/drift/{key}/plan',
  tag: 'Drift',
  scope: 'schema:read',
  summary: 'What a repair would do',
  params: { key: differenceKey },
  query: { style },
  errors: ['not_found'],
  status: 200,
  output: z.object({
    source: z.string(),
    target: z.string(),
    sql: z.string(),
    must_allow: z.array(hazard).describe('Hazards that a repair has to be allowed by name.'),
    steps: z.array(
      z.object({
        sql: z.string(),
        group: z.int().nullable().describe('Steps of one group share a transaction; null: outside of any.'),
        lock: z.enum(LOCK_LEVELS).nullable(),
        rewrites: z.boolean(),
        hazards: z.array(hazard),
        reversal: z
          .array(z.string())
          .nullable()
          .describe('Those of all steps, from the last to the first, lead back; null: no way back is known.'),
      }),
    ),
  }),
  async run({ control }, { params, query }) {
    const repair = await planRepair(
      control,
      params.key,
      query.style === undefined ? {} : { style: query.style },
    )
    return {
      source: repair.plan.source,
      target: repair.plan.target,
      sql: versionSql(repair.dialect, repair.plan, isMasked(repair.target)),
      must_allow: hazardsToAllow(repair.plan, []),
      steps: repair.plan.steps.map((step) => ({
        ...step,
        hazards: [...step.hazards],
        reversal: step.reversal === null ? null : [...step.reversal],
      })),
    }
  },
})

const repair = defineEndpoint({
  id: 'drift.repair',
  method: 'POST',
  path: '/drift/{key}/repair',
  tag: 'Drift',
  scope: 'rollouts:run',
  summary: 'Bring the tenants that differ in one way to the expected schema',
  description: 'The plan is proved on a scratch database beside one of them, then rolled out to them.',
  params: { key: differenceKey },
  body: z.strictObject({
    selector: selectorText,
    allow,
    style,
    dry_run: z.boolean().default(false),
    reason: reasonText,
    ...steering,
  }),
  errors: ['not_found', 'conflict', 'server_unreachable', 'server_refused'],
  status: 202,
  output: z.object({ job_id: z.uuid(), total_databases: z.int() }),
  location: (rollout) => `/schema/propagate/${rollout.job_id}`,
  async run(app, { params, body, caller }) {
    const rollout = await startRepair(app, {
      key: params.key,
      allow: parseAllowed(body.allow),
      ...(body.style === undefined ? {} : { plan: { style: body.style } }),
      rollout: {
        dryRun: body.dry_run,
        waves: wavesOf(body),
        options: optionsOf(app, `${body.selector} drift:${params.key}`.trim(), body),
        createdBy: caller.actor,
      },
    })
    return { job_id: rollout.id, total_databases: rollout.total }
  },
})

const sync = defineEndpoint({
  id: 'schema.sync',
  method: 'POST',
  path: '/schema/sync',
  tag: 'Drift',
  scope: 'rollouts:run',
  summary: 'Bring tenants to a stored snapshot',
  description:
    'An operation: looks at the selected tenants, and for each way to differ starts one rollout of a plan that was ' +
    'proved. Its result names the rollouts, and the ways to differ that were refused with the reason.',
  body: z.strictObject({
    selector: selectorText,
    to: snapshotReference,
    allow,
    style,
    reason: reasonText,
    ...steering,
  }),
  errors: ['not_found'],
  status: 202,
  output: startedOperation,
  location: (operation) => `/operations/${operation.operation_id}`,
  async run(app, { body, caller }) {
    await requireTenants(app.control, body.selector)
    const target = await controlStore(app.control).get(body.to)
    const operation = await enqueueOperation(app.control, {
      kind: 'schema-sync',
      input: {
        selector: body.selector,
        expected: target.fingerprint,
        allow: parseAllowed(body.allow),
        style: body.style,
        waves: wavesOf(body),
        options: optionsOf(app, body.selector, body),
      },
      createdBy: caller.actor,
    })
    return { operation_id: operation.id, state: operation.state }
  },
})

export const syncEndpoints = [plan, repair, sync] as const

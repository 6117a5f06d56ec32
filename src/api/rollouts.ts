/** Rollouts, under the paths that exist in the field: start, watch, steer, look into. */
import { z } from 'zod'
import { discover } from '../registry/discovery.ts'
import { listServers } from '../registry/servers.ts'
import {
  approveRollout,
  pauseRollout,
  resumeRollout,
  retryFailed,
  skipRolloutTargets,
  stopRollout,
  type Decider,
} from '../rollout/commands.ts'
import { getRollout, listRollouts } from '../rollout/rollout.ts'
import { serversWithoutPooler, startRollout, startUndo } from '../rollout/start.ts'
import { errorGroupsOf } from '../rollout/sql/read-status.ts'
import { listTargets, rolloutStatus } from '../rollout/status.ts'
import type { App, Caller } from './app.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { defineEndpoint } from './endpoint.ts'
import { cursorText, integerText, pageLimit, pageOf, reasonText } from './fields.ts'
import { optionsOf, steering, wavesOf } from './rollout-steering.ts'
import { jobStatus, rolloutView, targetView, viewRolloutStatus, viewTarget } from './rollout-views.ts'
import { selectorText } from './tenants.ts'
import { versionId } from './versions.ts'

const job = { job_id: z.uuid() }

const started = z.object({
  job_id: z.uuid(),
  status: jobStatus,
  total_databases: z.int(),
  unreachable: z
    .array(z.object({ place: z.string(), reason: z.string() }))
    .describe('What matches database_pattern and cannot be reached: not part of the rollout.'),
  without_pooler: z
    .array(z.string())
    .describe('With `via` `pooler`: servers that have none. Their tenants are reached directly.'),
})

function decider(caller: Caller, body: { reason?: string | undefined }): Decider {
  return { actor: caller.actor, reason: body.reason }
}

const action = {
  method: 'POST' as const,
  tag: 'Rollouts',
  params: job,
  body: z.strictObject({ reason: reasonText }),
  status: 200 as const,
  output: rolloutView,
  errors: ['not_found', 'conflict'] as const,
  audit: ({ params, body }: { params: { job_id: string }; body: { reason?: string | undefined } }) => ({
    target: `rollout:${params.job_id}`,
    reason: body.reason,
  }),
}

async function shown(app: App, id: string): Promise<z.input<typeof rolloutView>> {
  return viewRolloutStatus(await rolloutStatus(app.control, id))
}

export const rolloutEndpoints = [
  defineEndpoint({
    id: 'rollouts.start',
    method: 'POST',
    path: '/schema/propagate',
    tag: 'Rollouts',
    scope: 'rollouts:run',
    summary: 'Roll a version out',
    description:
      'With `database_pattern`, databases on all servers that match and are not registered yet are registered first.',
    body: z.strictObject({
      job_id: z.uuid().optional().describe('Chosen by you, to make starting repeatable.'),
      version_id: z.union([versionId, z.literal('latest')]),
      up_to: z.boolean().default(false).describe('Also all older versions that a tenant lacks, in order.'),
      dry_run: z.boolean().default(false),
      database_pattern: z.string().min(1).max(200).optional().describe('`cmp_%`; `%` stands for any text.'),
      selector: selectorText,
      order: z.enum(['name', 'random']).default('name'),
      reason: reasonText,
      ...steering,
    }),
    status: 202,
    output: started,
    errors: ['not_found', 'conflict'],
    location: (rollout) => `/schema/propagate/${rollout.job_id}`,
    audit: ({ body }, result) => ({
      target: `rollout:${result?.job_id ?? 'new'}`,
      reason: body.reason,
      detail: {
        version_id: body.version_id,
        dry_run: body.dry_run,
        selector: body.selector,
        database_pattern: body.database_pattern,
      },
    }),
    run: async (app, { body, caller }) => {
      const unreachable =
        body.database_pattern === undefined ? [] : await findNewTenants(app, body.database_pattern)
      const pattern = body.database_pattern === undefined ? '' : `database:${body.database_pattern}`
      const rollout = await startRollout(app.control, {
        id: body.job_id,
        versionId: body.version_id,
        upTo: body.up_to,
        dryRun: body.dry_run,
        waves: wavesOf(body),
        order: body.order,
        options: optionsOf(app, `${body.selector} ${pattern}`.trim(), body),
        createdBy: caller.actor,
      })
      return {
        job_id: rollout.id,
        status: rollout.state,
        total_databases: rollout.total,
        unreachable: [...unreachable],
        without_pooler: await serversWithoutPooler(app.control, rollout),
      }
    },
  }),
  defineEndpoint({
    id: 'rollouts.list',
    method: 'GET',
    path: '/schema/propagate',
    tag: 'Rollouts',
    scope: 'rollouts:read',
    summary: 'List rollouts, newest first',
    query: { status: jobStatus.optional(), limit: pageLimit(20, 100), cursor: cursorText },
    status: 200,
    output: pageOf(rolloutView),
    run: async (app, { query }) => {
      const filter = { status: query.status }
      const before = decodeCursor(z.object({ createdAt: z.string(), id: z.uuid() }), filter, query.cursor)
      const rollouts = await listRollouts(app.control, {
        state: query.status,
        before,
        limit: query.limit + 1,
      })
      const page = rollouts.slice(0, query.limit)
      const last = rollouts.length > query.limit ? page.at(-1) : undefined
      return {
        items: await Promise.all(page.map((rollout) => shown(app, rollout.id))),
        next_cursor:
          last === undefined
            ? null
            : encodeCursor(filter, { createdAt: last.created_at.toISOString(), id: last.id }),
      }
    },
  }),
  defineEndpoint({
    id: 'rollouts.get',
    method: 'GET',
    path: '/schema/propagate/{job_id}',
    tag: 'Rollouts',
    scope: 'rollouts:read',
    summary: 'Show a rollout',
    params: job,
    status: 200,
    output: rolloutView,
    errors: ['not_found'],
    run: (app, { params }) => shown(app, params.job_id),
  }),
  defineEndpoint({
    id: 'rollouts.targets',
    method: 'GET',
    path: '/schema/propagate/{job_id}/targets',
    tag: 'Rollouts',
    scope: 'rollouts:read',
    summary: 'List the tenants of a rollout',
    params: job,
    query: {
      state: z.enum(['pending', 'running', 'succeeded', 'failed', 'skipped']).optional(),
      outcome: z.string().max(40).optional(),
      error_group: z.string().max(40).optional(),
      server: z.string().max(40).optional(),
      wave: integerText({ min: 1, max: 50 }).optional(),
      limit: pageLimit(100),
      cursor: cursorText,
    },
    status: 200,
    output: pageOf(targetView),
    errors: ['not_found'],
    run: async (app, { params, query }) => {
      await getRollout(app.control, params.job_id)
      const { limit, cursor, error_group: errorGroup, ...filter } = query
      const scope = { ...filter, errorGroup, id: params.job_id }
      const after = decodeCursor(z.string(), scope, cursor)
      const targets = await listTargets(app.control, params.job_id, {
        ...filter,
        errorGroup,
        after,
        limit: limit + 1,
      })
      const page = targets.slice(0, limit)
      const last = targets.length > limit ? page.at(-1) : undefined
      return {
        items: page.map(viewTarget),
        next_cursor: last === undefined ? null : encodeCursor(scope, last.tenant),
      }
    },
  }),
  defineEndpoint({
    id: 'rollouts.errors',
    method: 'GET',
    path: '/schema/propagate/{job_id}/errors',
    tag: 'Rollouts',
    scope: 'rollouts:read',
    summary: 'Group the errors of a rollout',
    params: job,
    query: { limit: pageLimit(50, 200) },
    status: 200,
    output: z.object({ items: rolloutView.shape.errors }),
    errors: ['not_found'],
    run: async (app, { params, query }) => {
      await getRollout(app.control, params.job_id)
      const groups = await errorGroupsOf(app.control, params.job_id, query.limit)
      return { items: groups.map((group) => ({ ...group, tenants: [...group.tenants] })) }
    },
  }),
  defineEndpoint({
    ...action,
    id: 'rollouts.pause',
    path: '/schema/propagate/{job_id}/pause',
    scope: 'rollouts:run',
    summary: 'Pause a rollout',
    description: 'Nothing new begins; what is in hand finishes.',
    run: async (app, { params, body, caller }) => {
      await pauseRollout(app.control, params.job_id, decider(caller, body))
      return shown(app, params.job_id)
    },
  }),
  defineEndpoint({
    ...action,
    id: 'rollouts.resume',
    path: '/schema/propagate/{job_id}/resume',
    scope: 'rollouts:run',
    summary: 'Resume a paused rollout',
    description: 'What failed stays failed, and is not judged again by the circuit breaker.',
    run: async (app, { params, body, caller }) => {
      await resumeRollout(app.control, params.job_id, decider(caller, body))
      return shown(app, params.job_id)
    },
  }),
  defineEndpoint({
    ...action,
    id: 'rollouts.stop',
    path: '/schema/propagate/{job_id}/stop',
    scope: 'rollouts:run',
    summary: 'Stop a rollout for good',
    description: 'What is in hand finishes; tenants not begun are recorded as skipped.',
    run: async (app, { params, body, caller }) => {
      await stopRollout(app.control, params.job_id, decider(caller, body))
      return shown(app, params.job_id)
    },
  }),
  defineEndpoint({
    ...action,
    id: 'rollouts.approve',
    path: '/schema/propagate/{job_id}/approve',
    scope: 'rollouts:approve',
    summary: 'Approve the next wave',
    run: async (app, { params, body, caller }) => {
      await approveRollout(app.control, params.job_id, decider(caller, body))
      return shown(app, params.job_id)
    },
  }),
  defineEndpoint({
    ...action,
    id: 'rollouts.retry',
    path: '/schema/propagate/{job_id}/retry',
    scope: 'rollouts:run',
    summary: 'Try failed tenants again',
    body: z.strictObject({
      error_group: z.string().max(40).optional(),
      tenants: z.array(z.string().max(200)).min(1).max(10_000).optional(),
      reason: reasonText,
    }),
    output: rolloutView.extend({ retried: z.int() }),
    run: async (app, { params, body, caller }) => {
      const { retried } = await retryFailed(app.control, params.job_id, decider(caller, body), {
        errorGroup: body.error_group,
        tenants: body.tenants,
      })
      return { ...(await shown(app, params.job_id)), retried }
    },
  }),
  defineEndpoint({
    ...action,
    id: 'rollouts.skip',
    path: '/schema/propagate/{job_id}/skip',
    scope: 'rollouts:run',
    summary: 'Leave tenants out, with a reason',
    body: z.strictObject({
      error_group: z.string().max(40).optional(),
      tenants: z.array(z.string().max(200)).min(1).max(10_000).optional(),
      reason: z.string().min(1).max(500),
    }),
    output: rolloutView.extend({ skipped_now: z.int() }),
    run: async (app, { params, body, caller }) => {
      const { skipped } = await skipRolloutTargets(
        app.control,
        params.job_id,
        { actor: caller.actor, reason: body.reason },
        { errorGroup: body.error_group, tenants: body.tenants },
      )
      return { ...(await shown(app, params.job_id)), skipped_now: skipped }
    },
  }),
  defineEndpoint({
    id: 'rollouts.undo',
    method: 'POST',
    path: '/schema/propagate/{job_id}/undo',
    tag: 'Rollouts',
    scope: 'rollouts:run',
    summary: 'Undo a rollout',
    description: 'A new rollout that runs the downgrade on exactly the tenants that this one changed.',
    params: job,
    body: z.strictObject({ dry_run: z.boolean().default(false), reason: reasonText, ...steering }),
    status: 202,
    output: started,
    errors: ['not_found', 'conflict'],
    location: (rollout) => `/schema/propagate/${rollout.job_id}`,
    audit: ({ params, body }) => ({ target: `rollout:${params.job_id}`, reason: body.reason }),
    run: async (app, { params, body, caller }) => {
      const original = await getRollout(app.control, params.job_id)
      const rollout = await startUndo(app.control, original, {
        dryRun: body.dry_run,
        waves: wavesOf(body),
        options: optionsOf(app, original.options.selector, { via: original.options.via, ...body }),
        createdBy: caller.actor,
      })
      return {
        job_id: rollout.id,
        status: rollout.state,
        total_databases: rollout.total,
        unreachable: [],
        without_pooler: await serversWithoutPooler(app.control, rollout),
      }
    },
  }),
]

/** Registers databases that match and are not known yet. @returns what matches and cannot be reached. */
async function findNewTenants(
  app: App,
  pattern: string,
): Promise<readonly { place: string; reason: string }[]> {
  const servers = await listServers(app.control)
  const found = await discover(app.control, app.keyring, servers, { pattern })
  return found.unreachable
}

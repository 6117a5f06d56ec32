/** Test databases and measuring, and the databases that match a pattern. */
import { z } from 'zod'
import { enqueueOperation } from '../control/operations/store.ts'
import { messageOf } from '../lib/errors.ts'
import { checkBenchmark } from '../provisioning/benchmark.ts'
import { checkSimulate } from '../provisioning/simulate.ts'
import { findPlaces, type FoundPlace } from '../registry/discovery.ts'
import { getServer, listServers } from '../registry/servers.ts'
import type { App } from './app.ts'
import { defineEndpoint } from './endpoint.ts'
import { nameSaid } from './fields.ts'
import { startedOperation } from './tenants.ts'
import { serverName } from './servers.ts'
import { TenantryError } from '../lib/errors.ts'

const prefix = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,30}$/, nameSaid('sim_', '_', 31))
  .describe('Lower-case letters, digits and underscores, beginning with a letter: sim_')

/** The server asked for; the only one there is when none is named. */
/** Test databases are copies of a template, which PostgreSQL alone can make. */
async function onlyServer(app: App, name: string | undefined): Promise<string> {
  if (name !== undefined) {
    const { kind } = await getServer(app.control, name)
    if (kind === 'postgres') return name
    throw new TenantryError(
      'invalid_input',
      `Test databases are made on PostgreSQL servers alone; ${name} is ${kind}.`,
      { server: name, nextSteps: ['Make them by hand, then: tenantry tenant discover PATTERN --server …'] },
    )
  }
  const servers = await listServers(app.control)
  const [only, second] = servers.filter(({ kind }) => kind === 'postgres')
  if (only !== undefined && second === undefined) return only.name
  throw new TenantryError(
    'invalid_input',
    only === undefined ? 'There is no PostgreSQL server.' : 'There is more than one server: name one.',
    {
      errors: [{ pointer: '/server', code: 'required', message: 'Name a server.' }],
      nextSteps: ['List them with: tenantry server list'],
    },
  )
}

export const simulateEndpoints = [
  defineEndpoint({
    id: 'simulate.create',
    method: 'POST',
    path: '/schema/simulate/create',
    tag: 'Simulation',
    scope: 'simulate',
    summary: 'Make test databases',
    description: 'An operation: copies a template in parallel and registers the copies as tenants.',
    body: z.strictObject({
      count: z.int().min(1).max(100_000),
      prefix: prefix.default('sim_'),
      start_id: z.int().min(0).max(1_000_000_000).default(1),
      template_db: z
        .string()
        .min(1)
        .max(63)
        .optional()
        .describe('Database to copy; a built-in one when absent.'),
      server: serverName.optional().describe('May be left out when there is only one.'),
    }),
    status: 202,
    output: startedOperation,
    errors: ['not_found'],
    location: (operation) => `/operations/${operation.operation_id}`,
    run: async (app, { body, caller }) => {
      checkSimulate({ prefix: body.prefix, count: body.count, startId: body.start_id })
      const server = await onlyServer(app, body.server)
      const operation = await enqueueOperation(app.control, {
        kind: 'simulate',
        input: {
          server,
          count: body.count,
          prefix: body.prefix,
          startId: body.start_id,
          templateDb: body.template_db,
        },
        createdBy: caller.actor,
      })
      return { operation_id: operation.id, state: operation.state }
    },
  }),
  defineEndpoint({
    id: 'simulate.cleanup',
    method: 'DELETE',
    path: '/schema/simulate/cleanup',
    tag: 'Simulation',
    scope: 'simulate',
    summary: 'Remove test databases',
    description: 'Only databases that simulate made: each carries a mark of the operation that made it.',
    query: { prefix },
    status: 202,
    output: startedOperation,
    location: (operation) => `/operations/${operation.operation_id}`,
    run: async (app, { query, caller }) => {
      const operation = await enqueueOperation(app.control, {
        kind: 'simulate-cleanup',
        input: { prefix: query.prefix },
        createdBy: caller.actor,
      })
      return { operation_id: operation.id, state: operation.state }
    },
  }),
  defineEndpoint({
    id: 'benchmark.run',
    method: 'POST',
    path: '/schema/benchmark',
    tag: 'Simulation',
    scope: 'simulate',
    summary: 'Measure rollouts on this installation',
    description:
      'An operation: makes databases, rolls a change of each kind out to each count of them, removes them. Its result has the figures.',
    body: z.strictObject({
      database_counts: z.array(z.int().min(1).max(10_000)).min(1).max(10).default([10, 50, 100]),
      schema_types: z
        .array(z.enum(['simple', 'medium', 'complex']))
        .min(1)
        .max(3)
        .default(['simple']),
      max_connections: z.int().min(1).max(100_000).optional(),
      server: serverName.optional(),
    }),
    status: 202,
    output: startedOperation,
    errors: ['not_found'],
    location: (operation) => `/operations/${operation.operation_id}`,
    run: async (app, { body, caller }) => {
      const server = await onlyServer(app, body.server)
      const input = {
        server,
        databaseCounts: body.database_counts,
        schemaTypes: body.schema_types,
        maxConnections: body.max_connections ?? app.config.maxConcurrentConnections,
      }
      checkBenchmark(input)
      const operation = await enqueueOperation(app.control, {
        kind: 'benchmark',
        input,
        createdBy: caller.actor,
      })
      return { operation_id: operation.id, state: operation.state }
    },
  }),
  defineEndpoint({
    id: 'databases.list',
    method: 'GET',
    path: '/schema/databases',
    tag: 'Tenants',
    scope: 'registry:read',
    summary: 'List the databases on all servers that match a pattern',
    description: 'Asks the servers now. Servers that do not answer are listed in `unreachable`.',
    query: {
      pattern: z
        .string()
        .min(1)
        .max(200)
        .default('%')
        .describe('`%` stands for any text, everything else for itself.'),
      server: serverName.optional(),
    },
    status: 200,
    output: z.object({
      databases: z.array(z.string()),
      total: z.int(),
      items: z.array(
        z.object({ server: z.string(), database: z.string(), unreachable: z.string().nullable() }),
      ),
      unreachable: z.array(z.object({ place: z.string(), reason: z.string() })),
    }),
    errors: ['not_found'],
    run: async (app, { query }) => {
      const servers =
        query.server === undefined
          ? await listServers(app.control)
          : [await getServer(app.control, query.server)]
      const unreachable: { place: string; reason: string }[] = []
      const found = await Promise.all(
        servers.map((server): Promise<FoundPlace[]> =>
          findPlaces(app.control, app.keyring, server, { pattern: query.pattern }).catch((error: unknown) => {
            unreachable.push({ place: server.name, reason: messageOf(error) })
            return []
          }),
        ),
      )
      const items = found.flat()
      return { databases: items.map((place) => place.database), total: items.length, items, unreachable }
    },
  }),
]

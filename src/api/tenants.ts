/** Tenants: list, register, import, discover, label, retire. */
import { z } from 'zod'
import { enqueueOperation } from '../control/operations/store.ts'
import {
  getTenant,
  labelTenant,
  listTenants,
  countTenants,
  registerTenants,
  retireTenant,
} from '../registry/tenants.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { defineEndpoint } from './endpoint.ts'
import { cursorText, pageLimit, pageOf, reasonText, timestamp } from './fields.ts'
import { labelName, labels, serverName } from './servers.ts'

const placeName = z.string().min(1).max(63)
const tenantName = z.string().min(1).max(200).describe("The tenant's name: data, never an identifier.")

export const selectorText = z
  .string()
  .max(2000)
  .default('')
  .describe(
    'E.g. `plan:free region:eu,us version<20260112_143000 server:pg-3 -name:cmp_9%`. Empty: all in use.',
  )

const tenantView = z.object({
  name: z.string(),
  server: z.string(),
  database: z.string(),
  schema: z.string().nullable().describe('Null when the tenant has the whole database.'),
  labels: z.record(z.string(), z.string()),
  state: z.enum(['active', 'missing', 'retired']),
  version_id: z.string().nullable().describe('Newest version, as last seen in its ledger.'),
  created_at: timestamp,
})

function viewTenant(tenant: Awaited<ReturnType<typeof getTenant>>): z.input<typeof tenantView> {
  const { database_name: database, schema_name: schema, ...rest } = tenant
  return { ...rest, database, schema: schema === '' ? null : schema }
}

const tenantEntry = z.strictObject({
  name: tenantName,
  server: serverName,
  database: placeName,
  schema: placeName.optional(),
  labels: labels.optional(),
})

const pattern = z
  .string()
  .min(1)
  .max(200)
  .describe(
    '`%` stands for any text, everything else for itself: `cmp_%` means names that begin with `cmp_`.',
  )

export const startedOperation = z.object({ operation_id: z.uuid(), state: z.string() })

export const tenantEndpoints = [
  defineEndpoint({
    id: 'tenants.list',
    method: 'GET',
    path: '/tenants',
    tag: 'Tenants',
    scope: 'registry:read',
    summary: 'List tenants',
    query: { selector: selectorText, limit: pageLimit(), cursor: cursorText },
    status: 200,
    output: pageOf(tenantView).extend({ total: z.int().describe('How many tenants the selector finds.') }),
    run: async (app, { query }) => {
      const after = decodeCursor(z.string(), query.selector, query.cursor)
      const [tenants, total] = await Promise.all([
        listTenants(app.control, { selector: query.selector, after, limit: query.limit + 1 }),
        countTenants(app.control, query.selector),
      ])
      const page = tenants.slice(0, query.limit)
      const last = tenants.length > query.limit ? page.at(-1) : undefined
      return {
        items: page.map(viewTenant),
        next_cursor: last === undefined ? null : encodeCursor(query.selector, last.name),
        total,
      }
    },
  }),
  defineEndpoint({
    id: 'tenants.register',
    method: 'POST',
    path: '/tenants',
    tag: 'Tenants',
    scope: 'registry:write',
    summary: 'Register one tenant',
    body: tenantEntry,
    status: 201,
    output: tenantView,
    errors: ['not_found', 'conflict'],
    audit: ({ body }) => ({ target: `tenant:${body.name}` }),
    run: async (app, { body }) => {
      await registerTenants(app.control, [body])
      return viewTenant(await getTenant(app.control, body.name))
    },
  }),
  defineEndpoint({
    id: 'tenants.import',
    method: 'POST',
    path: '/tenants/import',
    tag: 'Tenants',
    scope: 'registry:write',
    summary: 'Import tenants',
    description: 'An operation: all entries or none. Tenants known at the same place get the labels added.',
    body: z.strictObject({ tenants: z.array(tenantEntry).min(1).max(200_000) }),
    bodyLimit: 64 * 1024 * 1024,
    status: 202,
    output: startedOperation,
    location: (started) => `/operations/${started.operation_id}`,
    audit: ({ body }) => ({ detail: { tenants: body.tenants.length } }),
    run: async (app, { body, caller }) => {
      const operation = await enqueueOperation(app.control, {
        kind: 'import',
        input: body,
        createdBy: caller.actor,
      })
      return { operation_id: operation.id, state: operation.state }
    },
  }),
  defineEndpoint({
    id: 'tenants.discover',
    method: 'POST',
    path: '/tenants/discover',
    tag: 'Tenants',
    scope: 'registry:write',
    summary: 'Find tenants on servers by name pattern',
    description:
      'An operation. What matches and cannot be reached is listed in its result, not left out in silence.',
    body: z.strictObject({
      pattern,
      server: serverName.optional().describe('All servers when absent.'),
      in_database: placeName
        .optional()
        .describe('Look for schemas in this database instead of for databases.'),
      labels: labels.optional(),
    }),
    status: 202,
    output: startedOperation,
    location: (started) => `/operations/${started.operation_id}`,
    audit: ({ body }) => ({ detail: body }),
    run: async (app, { body, caller }) => {
      const operation = await enqueueOperation(app.control, {
        kind: 'discover',
        input: body,
        createdBy: caller.actor,
      })
      return { operation_id: operation.id, state: operation.state }
    },
  }),
  defineEndpoint({
    id: 'tenants.get',
    method: 'GET',
    path: '/tenants/{name}',
    tag: 'Tenants',
    scope: 'registry:read',
    summary: 'Show a tenant',
    params: { name: tenantName },
    status: 200,
    output: tenantView,
    errors: ['not_found'],
    run: async (app, { params }) => viewTenant(await getTenant(app.control, params.name)),
  }),
  defineEndpoint({
    id: 'tenants.label',
    method: 'PATCH',
    path: '/tenants/{name}',
    tag: 'Tenants',
    scope: 'registry:write',
    summary: "Change a tenant's labels",
    params: { name: tenantName },
    body: z.strictObject({
      labels: z
        .record(labelName, z.string().min(1).max(200).nullable())
        .describe('Null removes a label; labels not named stay.'),
    }),
    status: 200,
    output: tenantView,
    errors: ['not_found'],
    run: async (app, { params, body }) =>
      viewTenant(await labelTenant(app.control, params.name, body.labels)),
  }),
  defineEndpoint({
    id: 'tenants.retire',
    method: 'POST',
    path: '/tenants/{name}/retire',
    tag: 'Tenants',
    scope: 'registry:write',
    summary: 'Take a tenant out of use',
    description: 'Its database is not touched.',
    params: { name: tenantName },
    body: z.strictObject({ reason: reasonText }),
    status: 200,
    output: tenantView,
    errors: ['not_found'],
    audit: ({ params, body }) => ({ target: `tenant:${params.name}`, reason: body.reason }),
    run: async (app, { params }) => viewTenant(await retireTenant(app.control, params.name)),
  }),
]

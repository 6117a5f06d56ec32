/** Stored snapshots: what tenants are held against and brought to. */
import { z } from 'zod'
import { getTenant } from '../registry/tenants.ts'
import { checkSnapshot } from '../schema/snapshot/snapshot-text.ts'
import type { Snapshot } from '../schema/snapshot/snapshot.ts'
import { controlStore } from '../schema/snapshot/stores/control.ts'
import { inspectOptionsOf, openTenantDatabase, serverOf } from '../schema/tenant-session.ts'
import type { App } from './app.ts'
import { snapshotReference } from './drift.ts'
import { defineEndpoint } from './endpoint.ts'
import { timestamp } from './fields.ts'

const stored = z.object({
  name: z.string(),
  number: z.int().describe('1, 2, 3 …: the history of the name.'),
  fingerprint: z.string(),
  dialect: z.enum(['postgres', 'mysql', 'sqlite']),
  objects: z.int(),
  createdAt: timestamp,
  message: z.string(),
})

const MAX_SNAPSHOT_BYTES = 64 * 1024 * 1024

const list = defineEndpoint({
  id: 'snapshots.list',
  method: 'GET',
  path: '/schema/snapshots',
  tag: 'Schemas',
  scope: 'schema:read',
  summary: 'Stored snapshots, the newest of each name',
  status: 200,
  output: z.object({ items: z.array(stored) }),
  run: async ({ control }) => ({ items: await controlStore(control).list() }),
})

const get = defineEndpoint({
  id: 'snapshots.get',
  method: 'GET',
  path: '/schema/snapshots/{reference}',
  tag: 'Schemas',
  scope: 'schema:read',
  summary: 'A stored snapshot',
  params: { reference: snapshotReference },
  errors: ['not_found'],
  status: 200,
  output: z.record(z.string(), z.unknown()),
  run: async ({ control }, { params }) => ({ ...(await controlStore(control).get(params.reference)) }),
})

const put = defineEndpoint({
  id: 'snapshots.put',
  method: 'POST',
  path: '/schema/snapshots',
  tag: 'Schemas',
  scope: 'schema:write',
  summary: 'Store a snapshot as the newest of a name',
  description: 'Either given as it is, or taken of a tenant as it is now.',
  bodyLimit: MAX_SNAPSHOT_BYTES,
  body: z
    .strictObject({
      name: z
        .string()
        .regex(/^[a-z][a-z0-9._-]{0,99}$/)
        .describe('Lower-case letters, digits, dots, dashes and underscores.'),
      tenant: z.string().min(1).max(200).optional().describe('Whose schema it is.'),
      snapshot: z
        .record(z.string(), z.unknown())
        .optional()
        .describe('As `tenantry schema inspect` writes it.'),
      message: z.string().max(500).default(''),
    })
    .refine((body) => (body.tenant === undefined) !== (body.snapshot === undefined), {
      message: 'Give either a tenant or a snapshot.',
    }),
  status: 201,
  output: stored,
  errors: ['not_found', 'server_unreachable', 'server_refused'],
  audit: ({ body }) => ({ target: `snapshot:${body.name}`, detail: { tenant: body.tenant } }),
  async run(app, { body }) {
    const snapshot =
      body.tenant === undefined
        ? checkSnapshot(body.snapshot, 'The snapshot in the request')
        : await snapshotOf(app, body.tenant)
    const { version } = await controlStore(app.control).put(body.name, snapshot, body.message)
    return version
  },
})

async function snapshotOf({ control, keyring }: App, name: string): Promise<Snapshot> {
  const tenant = await getTenant(control, name)
  const server = await serverOf(control, keyring, tenant.server)
  const { dialect, session } = await openTenantDatabase(server, tenant.database_name)
  try {
    return await dialect.inspect(session, inspectOptionsOf(tenant.schema_name))
  } finally {
    await session.close()
  }
}

export const snapshotEndpoints = [list, get, put] as const

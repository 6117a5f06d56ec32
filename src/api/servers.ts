/** Servers: add, test, list, change, retire. */
import { z } from 'zod'
import {
  addServer,
  getServer,
  listServers,
  retireServer,
  testServer,
  updateServer,
  type DbServer,
} from '../registry/servers.ts'
import { checkReadAddress, setReadAddress, testReadAddress } from '../registry/read-address.ts'
import { SERVER_KINDS } from '../engine/address.ts'
import { defineEndpoint } from './endpoint.ts'
import { booleanText, nameSaid, reasonText, timestamp } from './fields.ts'

export const serverName = z
  .string()
  .regex(/^[a-z][a-z0-9_-]{0,39}$/, nameSaid('pg-1', '- and _', 40))
  .describe('Lower-case letters, digits, - and _, beginning with a letter.')

export const labelName = z
  .string()
  .regex(
    /^[A-Za-z_][A-Za-z0-9_.-]{0,62}$/,
    'The name of a label begins with a letter or _, then letters, digits, _, . and -, up to 63 characters, e.g. region.',
  )

export const labels = z
  .record(labelName, z.string().min(1).max(200))
  .describe('Names and values, e.g. {"region": "eu"}.')

const pooler = z.strictObject({ host: z.string().min(1).max(255), port: z.int().min(1).max(65535) })
const dsn = z
  .string()
  .min(1)
  .max(2000)
  .describe(
    'postgres://user:password@host:port/database?sslmode=verify-full, mysql://user:password@host:port, or sqlite:///directory',
  )

const readDsn = dsn.describe(
  'postgres://auditor:password@replica:5432/: where schemas are read for audits. Its database counts for nothing.',
)

export const serverView = z.object({
  name: z.string(),
  kind: z.enum(SERVER_KINDS),
  host: z.string().describe('Of a sqlite server: the directory with its files.'),
  port: z.int(),
  username: z.string(),
  database: z.string().describe('Maintenance database.'),
  sslmode: z.enum(['disable', 'require', 'verify-ca', 'verify-full']),
  pooler: z.object({ host: z.string(), port: z.int() }).nullable(),
  read_address: z
    .object({ host: z.string(), port: z.int(), username: z.string() })
    .nullable()
    .describe('Where schemas are read for audits: a replica, or a role that may not write.'),
  capacity: z.int().nullable().describe('How many tenants it may hold.'),
  labels: z.record(z.string(), z.string()),
  state: z.enum(['active', 'retired']),
  server_version: z
    .int()
    .nullable()
    .describe(
      'As PostgreSQL numbers it: 180004 is 18.4; MariaDB: 101119 is 10.11.19; SQLite: 3053004 is 3.53.4.',
    ),
  is_superuser: z.boolean().nullable().describe('Whether the login role is a superuser.'),
  max_connections: z.int().nullable(),
  checked_at: timestamp.nullable(),
  created_at: timestamp,
})

function viewServer(server: DbServer): z.input<typeof serverView> {
  const { pooler_host: host, pooler_port: port, maintenance_database: database, ...rest } = server
  const { read_host, read_port, read_username, read_sslmode: _, ...shown } = rest
  const hasRead = read_host !== null && read_port !== null && read_username !== null
  return {
    ...shown,
    database,
    pooler: host === null || port === null ? null : { host, port },
    read_address: hasRead ? { host: read_host, port: read_port, username: read_username } : null,
  }
}

const byName = { name: serverName }

export const serverEndpoints = [
  defineEndpoint({
    id: 'servers.list',
    method: 'GET',
    path: '/servers',
    tag: 'Servers',
    scope: 'registry:read',
    summary: 'List servers',
    query: { include_retired: booleanText.default(false) },
    status: 200,
    output: z.object({ items: z.array(serverView) }),
    run: async (app, { query }) => ({
      items: (await listServers(app.control, { includeRetired: query.include_retired })).map(viewServer),
    }),
  }),
  defineEndpoint({
    id: 'servers.add',
    method: 'POST',
    path: '/servers',
    tag: 'Servers',
    scope: 'registry:write',
    summary: 'Add a server',
    description:
      'Connects first; the credentials are stored encrypted and never shown again. A retired server comes back under its name, with its tenants.',
    body: z.strictObject({
      name: serverName,
      dsn,
      ssl_root_cert: z
        .string()
        .max(100_000)
        .optional()
        .describe('PEM of the authority behind the certificate.'),
      pooler: pooler.optional(),
      read_dsn: readDsn.optional(),
      capacity: z.int().min(1).max(1_000_000).optional(),
      labels: labels.optional(),
    }),
    status: 201,
    output: serverView,
    errors: ['server_unreachable', 'conflict'],
    location: (server) => `/servers/${server.name}`,
    audit: ({ body }) => ({ target: `server:${body.name}` }),
    run: async (app, { body }) => {
      const { read_dsn: read, ssl_root_cert: sslRootCert, ...rest } = body
      if (read !== undefined) await checkReadAddress(read, body.name, sslRootCert)
      const added = await addServer(app.control, app.keyring, { ...rest, sslRootCert })
      return viewServer(
        read === undefined ? added : await setReadAddress(app.control, app.keyring, body.name, read),
      )
    },
  }),
  defineEndpoint({
    id: 'servers.get',
    method: 'GET',
    path: '/servers/{name}',
    tag: 'Servers',
    scope: 'registry:read',
    summary: 'Show a server',
    params: byName,
    status: 200,
    output: serverView,
    errors: ['not_found'],
    run: async (app, { params }) => viewServer(await getServer(app.control, params.name)),
  }),
  defineEndpoint({
    id: 'servers.update',
    method: 'PATCH',
    path: '/servers/{name}',
    tag: 'Servers',
    scope: 'registry:write',
    summary: 'Change a server',
    description: 'A new DSN must lead to the same server: this is how a changed password or address is told.',
    params: byName,
    body: z.strictObject({
      dsn: dsn.optional(),
      pooler: pooler.nullable().optional(),
      read_dsn: readDsn.nullable().optional(),
      capacity: z.int().min(1).max(1_000_000).nullable().optional(),
      labels: labels.optional(),
    }),
    status: 200,
    output: serverView,
    errors: ['not_found', 'server_unreachable', 'conflict'],
    audit: ({ params, body }) => ({
      target: `server:${params.name}`,
      detail: { changed: Object.keys(body) },
    }),
    run: async (app, { params, body: { read_dsn: read, ...changes } }) => {
      const updated = await updateServer(app.control, app.keyring, params.name, changes)
      return viewServer(
        read === undefined ? updated : await setReadAddress(app.control, app.keyring, params.name, read),
      )
    },
  }),
  defineEndpoint({
    id: 'servers.test',
    method: 'POST',
    path: '/servers/{name}/test',
    tag: 'Servers',
    scope: 'registry:write',
    summary: 'Test the connection to a server',
    params: byName,
    status: 200,
    output: z.object({
      kind: z.enum(SERVER_KINDS),
      server_version: z.int(),
      is_superuser: z.boolean(),
      max_connections: z.int(),
      latency_ms: z.number(),
      reading: z
        .object({ address: z.string(), user: z.string(), is_replica: z.boolean(), latency_ms: z.number() })
        .nullable()
        .describe('Its address for reading; null for a server without one.'),
    }),
    errors: ['not_found', 'server_unreachable', 'conflict'],
    run: async (app, { params }) => {
      const facts = await testServer(app.control, app.keyring, params.name)
      const server = await getServer(app.control, params.name)
      const reading = await testReadAddress(app.control, app.keyring, server)
      return {
        kind: server.kind,
        server_version: facts.serverVersion,
        is_superuser: facts.isSuperuser,
        max_connections: facts.maxConnections,
        latency_ms: toTenths(facts.latencyMs),
        reading:
          reading === undefined
            ? null
            : {
                address: reading.place,
                user: reading.user,
                is_replica: reading.isReplica,
                latency_ms: toTenths(reading.latencyMs),
              },
      }
    },
  }),
  defineEndpoint({
    id: 'servers.retire',
    method: 'POST',
    path: '/servers/{name}/retire',
    tag: 'Servers',
    scope: 'registry:write',
    summary: 'Take a server out of use',
    description: 'Its tenants stay registered and untouched, and no selection finds them any more.',
    params: byName,
    body: z.strictObject({ reason: reasonText }),
    status: 200,
    output: serverView,
    errors: ['not_found', 'conflict'],
    audit: ({ params, body }) => ({ target: `server:${params.name}`, reason: body.reason }),
    run: async (app, { params }) => viewServer(await retireServer(app.control, params.name)),
  }),
]

function toTenths(ms: number): number {
  return Math.round(ms * 10) / 10
}

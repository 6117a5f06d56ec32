/** Drift: which tenants' schemas are not what is expected of them. */
import { z } from 'zod'
import { enqueueOperation } from '../control/operations/store.ts'
import { adoptDifference } from '../schema/drift/adopt.ts'
import {
  countFindings,
  findingsAge,
  getDifference,
  ignoreDifference,
  listFindings,
  listGroups,
  listIgnores,
  listReadings,
  listUnreachable,
  requireScan,
  watchDifference,
} from '../schema/drift/findings.ts'
import { requireTenants } from '../registry/tenants.ts'
import { controlStore } from '../schema/snapshot/stores/control.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { defineEndpoint } from './endpoint.ts'
import { cursorText, pageLimit, pageOf, timestamp } from './fields.ts'
import { selectorText, startedOperation } from './tenants.ts'

const STATES = ['in_sync', 'different', 'unreachable', 'no_expectation'] as const

export const differenceKey = z
  .string()
  .regex(/^[0-9a-f]{16}$/, 'It is the key of a difference, 16 hexadecimal digits: see tenantry drift list.')
  .describe('The key of a difference: the same for all tenants that differ in the same way.')
const scanId = z
  .uuid()
  .optional()
  .describe('Only what this scan found, for a day after it; absent: the latest of each tenant.')

export const snapshotReference = z
  .string()
  .min(1)
  .max(120)
  .describe('A stored snapshot: its name, `name@3`, or the beginning of its fingerprint.')

export const storedSnapshot = z.object({
  name: z.string(),
  number: z.int(),
  fingerprint: z.string(),
  dialect: z.enum(['postgres', 'mysql', 'sqlite']),
  objects: z.int(),
  createdAt: z.iso.datetime(),
  message: z.string(),
})

const group = z.object({
  key: differenceKey,
  tenants: z.int(),
  ignored: z.int().describe('How many of these are ignored for now.'),
  summary: z.array(z.string()).describe('One sentence for each difference.'),
  examples: z.array(z.string()).describe('Up to three of the tenants.'),
  expected: z.string().describe('Fingerprint of the expected schema.'),
  actual: z.string().describe('Fingerprint of the schema that they have.'),
  since: timestamp.describe('When the first of them was found to differ so.'),
})

const counts = z.object({
  in_sync: z.int(),
  different: z.int(),
  ignored: z.int().describe('Of the different ones.'),
  repaired: z.int().describe('Found to differ, and repaired since; the next scan looks at them.'),
  unreachable: z.int(),
  no_expectation: z
    .int()
    .describe('Tenants whose recorded version has no snapshot, so that nothing is expected of them.'),
  unwritten: z
    .int()
    .describe(
      'Of all of these: not connected to, as nothing was written to them since they were looked at last.',
    ),
})

const scan = defineEndpoint({
  id: 'drift.scan',
  method: 'POST',
  path: '/drift/scans',
  tag: 'Drift',
  scope: 'schema:write',
  summary: 'Look at the schemas of tenants and hold them against what is expected',
  description:
    'An operation. Read-only: one query per tenant for as long as tenants are alike, no lock beyond that of reading ' +
    'a catalogue. Without `expected`, each tenant is held against the snapshot named `version-<version_id>` of the ' +
    'version that it is recorded at.',
  body: z.strictObject({
    selector: selectorText,
    expected: snapshotReference.optional(),
    max_connections: z.int().min(1).max(1000).optional().describe('To one server at once; default 16.'),
    primary: z
      .boolean()
      .default(false)
      .describe('Read from the servers themselves also where they have an address for reading.'),
    full: z
      .boolean()
      .default(false)
      .describe('Connect to every tenant, also where its server says that nothing was written to it.'),
  }),
  status: 202,
  output: startedOperation,
  errors: ['not_found'],
  location: (operation) => `/operations/${operation.operation_id}`,
  async run({ control }, { body, caller }) {
    await requireTenants(control, body.selector)
    const expected = body.expected === undefined ? undefined : await controlStore(control).get(body.expected)
    const operation = await enqueueOperation(control, {
      kind: 'drift-scan',
      input: {
        selector: body.selector,
        expected: expected?.fingerprint,
        concurrency: body.max_connections,
        primary: body.primary,
        full: body.full,
      },
      createdBy: caller.actor,
    })
    return { operation_id: operation.id, state: operation.state }
  },
})

const list = defineEndpoint({
  id: 'drift.list',
  method: 'GET',
  path: '/drift',
  tag: 'Drift',
  scope: 'schema:read',
  summary: 'Ways to differ, with how many tenants differ so',
  query: { selector: selectorText, scan: scanId },
  errors: ['not_found'],
  status: 200,
  output: z.object({
    counts,
    groups: z.array(group),
    unreachable: z
      .array(z.object({ error: z.string(), tenants: z.int(), examples: z.array(z.string()) }))
      .describe('Why tenants could not be looked at, the most frequent reasons first.'),
    read_from: z
      .array(z.object({ server: z.string(), address: z.string(), tenants: z.int() }))
      .describe('Which addresses of the servers the schemas were read from.'),
    checked: z
      .object({ oldest: timestamp, newest: timestamp })
      .nullable()
      .describe('When tenants were looked at; null: none of the selected ones was.'),
  }),
  async run({ control }, { query: { selector, scan: of } }) {
    if (of !== undefined) await requireScan(control, of)
    const [found, groups, unreachable, readings, age] = await Promise.all([
      countFindings(control, selector, of),
      listGroups(control, selector, of),
      listUnreachable(control, selector, of),
      listReadings(control, selector, of),
      findingsAge(control, selector, of),
    ])
    return {
      counts: found,
      unreachable: unreachable.map((one) => ({ ...one, examples: [...one.examples] })),
      read_from: readings,
      checked: age ?? null,
      groups: groups.map((one) => ({ ...one, summary: [...one.summary], examples: [...one.examples] })),
    }
  },
})

const tenants = defineEndpoint({
  id: 'drift.tenants',
  method: 'GET',
  path: '/drift/tenants',
  tag: 'Drift',
  scope: 'schema:read',
  summary: 'What was found about each tenant',
  query: {
    selector: selectorText,
    scan: scanId,
    state: z.enum(STATES).optional(),
    difference: differenceKey.optional(),
    limit: pageLimit(),
    cursor: cursorText,
  },
  errors: ['not_found'],
  status: 200,
  output: pageOf(
    z.object({
      tenant: z.string(),
      server: z.string(),
      state: z.enum(STATES),
      ignored: z.boolean(),
      difference: differenceKey.nullable(),
      error: z.string().nullable().describe('Why it could not be looked at.'),
      read_from: z.string().nullable().describe('The address that it was read from.'),
      checked_at: timestamp,
      looked_at: timestamp.describe(
        'When the schema was read: earlier where nothing was written to the database in between.',
      ),
      since: timestamp.describe('When it was first found in this state, differing in this way.'),
      repaired_at: timestamp
        .nullable()
        .describe('When a repair of its difference was applied, after it was looked at.'),
    }),
  ),
  async run({ control }, { query: { limit, cursor, ...filter } }) {
    if (filter.scan !== undefined) await requireScan(control, filter.scan)
    const after = decodeCursor(z.string(), filter, cursor)
    const items = await listFindings(control, { ...filter, key: filter.difference, after, limit })
    const end = items.at(-1)
    return {
      items,
      next_cursor: end === undefined || items.length < limit ? null : encodeCursor(filter, end.tenant),
    }
  },
})

const show = defineEndpoint({
  id: 'drift.show',
  method: 'GET',
  path: '/drift/{key}',
  tag: 'Drift',
  scope: 'schema:read',
  summary: 'One way to differ',
  params: { key: differenceKey },
  errors: ['not_found'],
  status: 200,
  output: z.object({
    key: differenceKey,
    expected: z.string(),
    actual: z.string(),
    summary: z.array(z.string()),
    first_seen: timestamp,
    ignored: z
      .array(
        z.object({
          tenant: z.string().nullable().describe('Null: all that differ so.'),
          until: timestamp.nullable().describe('Null: until it is ended.'),
          reason: z.string(),
          created_by: z.string(),
          created_at: timestamp,
        }),
      )
      .describe('Why it is ignored now, and for whom.'),
  }),
  async run({ control }, { params }) {
    const difference = await getDifference(control, params.key)
    const ignored = (await listIgnores(control, params.key)).map((one) => ({ ...one }))
    return { ...difference, summary: [...difference.summary], ignored }
  },
})

const ignore = defineEndpoint({
  id: 'drift.ignore',
  method: 'POST',
  path: '/drift/{key}/ignore',
  tag: 'Drift',
  scope: 'schema:write',
  summary: 'Ignore a difference, with a reason, for good or until a day',
  params: { key: differenceKey },
  body: z.strictObject({
    tenant: z.string().min(1).max(200).optional().describe('Only of this tenant; absent: of all.'),
    until: z.iso
      .datetime({ offset: true })
      .refine((text) => Date.parse(text) > Date.now(), { message: 'That is over.' })
      .optional(),
    reason: z.string().min(1).max(500),
  }),
  errors: ['not_found'],
  status: 200,
  output: z.object({ key: differenceKey }),
  async run({ control }, { params, body, caller }) {
    await ignoreDifference(control, {
      key: params.key,
      tenant: body.tenant,
      until: body.until === undefined ? undefined : new Date(body.until),
      reason: body.reason,
      createdBy: caller.actor,
    })
    return { key: params.key }
  },
})

const watch = defineEndpoint({
  id: 'drift.watch',
  method: 'DELETE',
  path: '/drift/{key}/ignore',
  tag: 'Drift',
  scope: 'schema:write',
  summary: 'Stop ignoring a difference',
  params: { key: differenceKey },
  errors: ['not_found'],
  status: 200,
  output: z.object({ key: differenceKey, ended: z.int() }),
  run: async ({ control }, { params }) => ({
    key: params.key,
    ended: await watchDifference(control, params.key),
  }),
})

const adopt = defineEndpoint({
  id: 'drift.adopt',
  method: 'POST',
  path: '/drift/{key}/adopt',
  tag: 'Drift',
  scope: 'schema:write',
  summary: 'Make the schema of the tenants that differ so the expected one',
  description:
    'Stores it as the newest snapshot of the name that they were held against. No tenant is changed: those that have ' +
    'the schema expected so far differ from now on.',
  params: { key: differenceKey },
  body: z.strictObject({
    name: z
      .string()
      .min(1)
      .max(100)
      .optional()
      .describe('The snapshot to change; needed where several are what the tenants were held against.'),
    reason: z.string().min(1).max(500),
  }),
  errors: ['not_found', 'conflict'],
  status: 200,
  output: storedSnapshot,
  audit: ({ params, body }) => ({ target: params.key, reason: body.reason, detail: { name: body.name } }),
  run: ({ control }, { params, body }) => adoptDifference(control, { key: params.key, ...body }),
})

export const driftEndpoints = [scan, list, tenants, show, ignore, watch, adopt] as const

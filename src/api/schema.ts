/** Schemas: compare two, keep snapshots. */
import { z } from 'zod'
import { TenantryError } from '../lib/errors.ts'
import { getTenant } from '../registry/tenants.ts'
import type { RenameHint } from '../schema/diff/renames.ts'
import { diffWithRenames } from '../schema/diff/with-renames.ts'
import type { Dialect } from '../schema/dialects/dialect.ts'
import { dialectNamed } from '../schema/dialects/index.ts'
import { snapshotNameOf } from '../schema/drift/names.ts'
import type { PlanOptions } from '../schema/plan/action.ts'
import { hazardsToAllow, parseAllowed } from '../schema/plan/allow.ts'
import type { Hazard, HazardName } from '../schema/plan/hazards.ts'
import { makePlan } from '../schema/plan/make-plan.ts'
import { planScript } from '../schema/render/script.ts'
import type { Snapshot } from '../schema/snapshot/snapshot.ts'
import { checkSnapshot } from '../schema/snapshot/snapshot-text.ts'
import { controlStore } from '../schema/snapshot/stores/control.ts'
import { inspectOptionsOf, openTenantDatabase, serverOf } from '../schema/tenant-session.ts'
import type { App } from './app.ts'
import { snapshotReference, storedSnapshot } from './drift.ts'
import { defineEndpoint } from './endpoint.ts'
import { anyObject } from './fields.ts'
import { allow, hazard, style } from './planning.ts'
import { versionId } from './versions.ts'

const SNAPSHOT_LIMIT = 64 * 1024 * 1024

const snapshotJson = anyObject.describe('A snapshot as `tenantry schema inspect` writes it.')

/** Never a URL: the API connects only to what the registry holds. */
const operand = z
  .union(
    [
      z.strictObject({ snapshot: snapshotJson }),
      z.strictObject({ stored: snapshotReference }),
      z.strictObject({ version: versionId.describe('The schema that tenants of this version are to have.') }),
      z.strictObject({ tenant: z.string().min(1).max(200).describe('The schema that it has now.') }),
    ],
    {
      error:
        'It is one of {"snapshot": {…}}, {"stored": "NAME"}, {"version": "ID"} and {"tenant": "NAME"}; a database or SQL is compared by tenantry schema diff.',
    },
  )
  .describe('A schema, taken from one of these.')

type Operand = z.output<typeof operand>

const side = z.object({
  label: z.string(),
  dialect: z.enum(['postgres', 'mysql', 'sqlite']),
  server_version: z.string(),
  fingerprint: z.string(),
  objects: z.int(),
  unmodelled: z
    .array(z.object({ kind: z.string(), name: z.string(), detail: z.string() }))
    .describe('What was found there and is not compared.'),
})

const change = z.object({
  type: z.enum(['create', 'drop', 'alter', 'rename']),
  id: z.string().describe('e.g. `column:public.orders.total`'),
  properties: z.array(z.string()).optional().describe('Which properties differ, of what is altered.'),
  from: anyObject.optional(),
  to: anyObject.optional(),
})

const compare = defineEndpoint({
  id: 'schema.diff',
  method: 'POST',
  path: '/schema/diff',
  tag: 'Schemas',
  scope: 'schema:read',
  summary: 'Compare two schemas',
  description:
    'What turns the first into the second. A tenant is read in one read-only transaction. With `sql`, also the script ' +
    'that does it; one that would lose data only with `allow`.',
  body: z.strictObject({
    from: operand,
    to: operand,
    renames: z
      .array(
        z.strictObject({
          from: z.string().min(1).max(1000).describe('Its id, e.g. `column:public.orders.total`.'),
          to: z.string().min(1).max(200).describe('The last part of its new name, e.g. `amount`.'),
        }),
      )
      .max(1000)
      .default([])
      .describe('What keeps its contents under another name.'),
    detect_renames: z
      .boolean()
      .default(true)
      .describe('Take a table, with what belongs to it, for renamed where there is no other explanation.'),
    sql: z.boolean().default(false).describe('Also make the script.'),
    allow,
    style,
  }),
  bodyLimit: SNAPSHOT_LIMIT,
  status: 200,
  audited: false,
  output: z.object({
    equal: z.boolean(),
    from: side,
    to: side,
    changes: z.array(change),
    sql: z
      .string()
      .nullable()
      .describe(
        'For psql, mariadb or sqlite3. Null: not asked for, or it would lose data and that is not allowed.',
      ),
    must_allow: z
      .array(hazard)
      .describe('Hazards of the script that have to be allowed by name and are not.'),
  }),
  errors: ['not_found', 'server_unreachable', 'server_refused'],
  run: async (app, { body }) => {
    const [from, to] = [await schemaOf(app, body.from, 'from'), await schemaOf(app, body.to, 'to')]
    if (from.dialect !== to.dialect) {
      throw new TenantryError(
        'invalid_input',
        `A ${from.dialect} and a ${to.dialect} schema cannot be compared.`,
      )
    }
    const dialect = await dialectNamed(from.dialect)
    const { changes, renames } = diffWithRenames(dialect, from, to, {
      told: body.renames,
      detect: body.detect_renames,
    })
    const allowed = parseAllowed(body.allow)
    const script = body.sql
      ? await scriptOf(dialect, { from, to, renames, allowed, style: body.style })
      : NO_SCRIPT
    return {
      equal: changes.length === 0,
      from: sideOf(from, body.from),
      to: sideOf(to, body.to),
      changes: changes.map((found) => ({ ...found })) as unknown as z.input<typeof change>[],
      ...script,
    }
  },
})

interface Script {
  readonly sql: string | null
  readonly must_allow: Hazard[]
}

const NO_SCRIPT: Script = { sql: null, must_allow: [] }

async function scriptOf(
  dialect: Dialect,
  wanted: {
    readonly from: Snapshot
    readonly to: Snapshot
    readonly renames: readonly RenameHint[]
    readonly allowed: readonly HazardName[]
    readonly style: PlanOptions['style'] | undefined
  },
): Promise<Script> {
  const { from, to, renames, allowed, style: how } = wanted
  const plan = makePlan(dialect, from, to, how === undefined ? {} : { style: how }, renames)
  const open = hazardsToAllow(plan, allowed)
  const loses = open.some(({ name }) => name === 'data-loss')
  return { sql: loses ? null : await planScript(dialect, plan), must_allow: open }
}

async function schemaOf(app: App, from: Operand, field: string): Promise<Snapshot> {
  if ('snapshot' in from) return checkSnapshot(from.snapshot, `The body's /${field}/snapshot`)
  const store = controlStore(app.control)
  if ('stored' in from) return store.get(from.stored)
  if ('version' in from) return store.get(snapshotNameOf(from.version))
  const tenant = await getTenant(app.control, from.tenant)
  const server = await serverOf(app.control, app.keyring, tenant.server)
  const { dialect, session } = await openTenantDatabase(server, tenant.database_name)
  try {
    return await dialect.inspect(session, inspectOptionsOf(tenant.schema_name))
  } finally {
    await session.close()
  }
}

function sideOf(snapshot: Snapshot, from: Operand): z.input<typeof side> {
  const { dialect, serverVersion, fingerprint, objects, unmodelled } = snapshot
  return {
    label: labelOf(from),
    dialect,
    server_version: serverVersion,
    fingerprint,
    objects: objects.length,
    unmodelled: unmodelled.map((one) => ({ ...one })),
  }
}

function labelOf(from: Operand): string {
  if ('snapshot' in from) return 'snapshot'
  if ('stored' in from) return from.stored
  return 'version' in from ? `version ${from.version}` : `tenant ${from.tenant}`
}

export const schemaEndpoints = [
  compare,
  defineEndpoint({
    id: 'tenants.schema',
    method: 'GET',
    path: '/tenants/{name}/schema',
    tag: 'Schemas',
    scope: 'schema:read',
    summary: 'Show the schema that a tenant has now, as a snapshot',
    params: { name: z.string().min(1).max(200) },
    status: 200,
    output: snapshotJson,
    errors: ['not_found', 'server_unreachable', 'server_refused'],
    run: async (app, { params }) => ({ ...(await schemaOf(app, { tenant: params.name }, '')) }),
  }),
  defineEndpoint({
    id: 'snapshots.list',
    method: 'GET',
    path: '/schema/snapshots',
    tag: 'Schemas',
    scope: 'schema:read',
    summary: 'List the names with the newest snapshot of each',
    status: 200,
    output: z.object({ items: z.array(storedSnapshot) }),
    run: async (app) => ({ items: await controlStore(app.control).list() }),
  }),
  defineEndpoint({
    id: 'snapshots.get',
    method: 'GET',
    path: '/schema/snapshots/{reference}',
    tag: 'Schemas',
    scope: 'schema:read',
    summary: 'Show a stored snapshot',
    params: { reference: snapshotReference },
    status: 200,
    output: snapshotJson,
    errors: ['not_found'],
    run: async (app, { params }) => ({ ...(await controlStore(app.control).get(params.reference)) }),
  }),
  defineEndpoint({
    id: 'snapshots.history',
    method: 'GET',
    path: '/schema/snapshots/{reference}/history',
    tag: 'Schemas',
    scope: 'schema:read',
    summary: 'List all snapshots of a name, newest first',
    params: { reference: z.string().min(1).max(100).describe('The name.') },
    status: 200,
    output: z.object({ items: z.array(storedSnapshot) }),
    errors: ['not_found'],
    run: async (app, { params }) => ({ items: await controlStore(app.control).history(params.reference) }),
  }),
  defineEndpoint({
    id: 'snapshots.store',
    method: 'POST',
    path: '/schema/snapshots',
    tag: 'Schemas',
    scope: 'schema:write',
    summary: 'Store a snapshot as the newest of a name',
    description:
      'Either given as it is, or taken of a tenant as it is now. Storing what is the newest already changes nothing.',
    body: z
      .strictObject({
        name: z.string().min(1).max(100),
        message: z.string().max(1000).default(''),
        snapshot: snapshotJson.optional(),
        tenant: z.string().min(1).max(200).optional().describe('Whose schema it is.'),
      })
      .refine((body) => (body.tenant === undefined) !== (body.snapshot === undefined), {
        message: 'Give either a tenant or a snapshot.',
      }),
    bodyLimit: SNAPSHOT_LIMIT,
    status: 201,
    output: storedSnapshot,
    errors: ['not_found', 'server_unreachable', 'server_refused'],
    audit: ({ body }) => ({ target: `snapshot:${body.name}`, detail: { tenant: body.tenant } }),
    run: async (app, { body }) => {
      const snapshot =
        body.tenant === undefined
          ? checkSnapshot(body.snapshot, "The body's /snapshot")
          : await schemaOf(app, { tenant: body.tenant }, '')
      return (await controlStore(app.control).put(body.name, snapshot, body.message)).version
    },
  }),
]

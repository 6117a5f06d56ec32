/** Simulated tenants: databases made in parallel from a template, to try a fleet before having one. */
import type { Client } from 'pg'
import type { Control } from '../control/control.ts'
import type { OperationContext, OperationHandler, OperationOutcome } from '../control/operations/operation.ts'
import type { Keyring } from '../control/secrets.ts'
import { ident, literal } from '../engine/sql.ts'
import { TenantryError } from '../lib/errors.ts'
import { addressOf, connectServer, getServer, type DbServer } from '../registry/servers.ts'
import { registerTenants } from '../registry/tenants.ts'
import { TEMPLATE_SQL } from './template.ts'

export interface SimulateInput {
  readonly server: string
  readonly count: number
  readonly prefix: string
  readonly startId: number
  /** Database to copy; the built-in template when absent. */
  readonly templateDb?: string | undefined
}

interface Parts {
  readonly control: Control
  readonly keyring: Keyring
}

const PARALLEL = 4
const BATCH = 40
const TEMPLATE_DATABASE = 'tenantry_template'
const PLANS = ['free', 'free', 'free', 'pro', 'enterprise']
const REGIONS = ['eu', 'us', 'ap']

/** Written as the comment of every database that simulate made: cleanup removes no other. */
function mark(operationId: string): string {
  return `tenantry simulate ${operationId}`
}

function simulatedName(prefix: string, id: number): string {
  return `${prefix}${id}`
}

/** @throws TenantryError `invalid_input` for a prefix that makes no plain database names. */
export function checkSimulate(input: { prefix: string; count: number; startId: number }): void {
  const longest = simulatedName(input.prefix, input.startId + input.count - 1)
  if (!/^[a-z][a-z0-9_]{0,39}$/.test(longest)) {
    throw new TenantryError(
      'invalid_input',
      `The prefix ${JSON.stringify(input.prefix)} makes names such as ${JSON.stringify(longest)}.`,
      {
        nextSteps: [
          'Use lower-case letters, digits and underscores, beginning with a letter, 40 characters in all: sim_',
        ],
      },
    )
  }
}

/** Kind `simulate`. */
export function simulateHandler(parts: Parts): OperationHandler {
  return { run: (context) => simulate(parts, context, context.operation.input as unknown as SimulateInput) }
}

async function simulate(
  parts: Parts,
  context: OperationContext,
  input: SimulateInput,
): Promise<OperationOutcome> {
  checkSimulate(input)
  const server = await getServer(parts.control, input.server)
  const names = Array.from({ length: input.count }, (_, index) =>
    simulatedName(input.prefix, input.startId + index),
  )
  const clients = await connectAll(parts, server, Math.min(PARALLEL, names.length))
  try {
    const [first] = clients
    if (first === undefined) throw new Error('no connection')
    await context.step('names are free', () => refuseTaken(first, names, server))
    const template =
      input.templateDb ?? (await context.step('template', () => makeTemplate(parts, server, first)))
    await refuseMissingTemplate(first, template, server)
    let made = 0
    for (let start = 0; start < names.length; start += BATCH) {
      context.signal.throwIfAborted()
      const batch = names.slice(start, start + BATCH)
      await makeBatch(clients, batch, template, context.operation.id)
      await registerTenants(
        parts.control,
        batch.map((name, index) => entry(name, start + index, server, context.operation.id)),
      )
      made += batch.length
      await context.progress({ total: names.length, completed: made })
    }
    return { state: 'succeeded', result: { created: made, prefix: input.prefix, server: server.name } }
  } finally {
    await Promise.all(clients.map((client) => client.end()))
  }
}

function entry(name: string, index: number, server: DbServer, operationId: string) {
  return {
    name,
    server: server.name,
    database: name,
    labels: {
      simulated: 'true',
      plan: PLANS[index % PLANS.length] ?? 'free',
      region: REGIONS[index % REGIONS.length] ?? 'eu',
    },
    createdByOperation: operationId,
  }
}

async function connectAll(parts: Parts, server: DbServer, count: number): Promise<Client[]> {
  const address = await addressOf(parts.control, parts.keyring, server)
  return Promise.all(Array.from({ length: count }, () => connectServer(address)))
}

async function refuseTaken(client: Client, names: readonly string[], server: DbServer): Promise<null> {
  const { rows } = await client.query<{ datname: string }>(
    'select datname from pg_database where datname = any($1) order by datname limit 3',
    [names],
  )
  if (rows.length === 0) return null
  throw new TenantryError(
    'conflict',
    `Server ${server.name} already has databases with these names: ${rows.map((row) => row.datname).join(', ')}.`,
    {
      server: server.name,
      nextSteps: [
        'Choose another prefix or start id.',
        'Remove what an earlier simulate made: tenantry simulate cleanup',
      ],
    },
  )
}

async function refuseMissingTemplate(client: Client, template: string, server: DbServer): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [template])
  if (rowCount === 0) {
    throw new TenantryError('not_found', `Server ${server.name} has no database ${template} to copy.`, {
      server: server.name,
    })
  }
}

/** Any constant: of two operations that need the template at once, the second one waits for it. */
const TEMPLATE_LOCK = 7_406_812_004

async function makeTemplate(parts: Parts, server: DbServer, client: Client): Promise<string> {
  await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK])
  try {
    return await makeTemplateAlone(parts, server, client)
  } finally {
    await client.query('select pg_advisory_unlock($1)', [TEMPLATE_LOCK])
  }
}

/** The built-in template, made once per server. It allows no connections once it is complete: nobody can be in it. */
async function makeTemplateAlone(parts: Parts, server: DbServer, client: Client): Promise<string> {
  const { rows } = await client.query<{ complete: boolean }>(
    'select not datallowconn as complete from pg_database where datname = $1',
    [TEMPLATE_DATABASE],
  )
  if (rows[0]?.complete === true) return TEMPLATE_DATABASE
  if (rows[0] !== undefined) await client.query(`drop database ${ident(TEMPLATE_DATABASE)} with (force)`)
  await client.query(`create database ${ident(TEMPLATE_DATABASE)} template template0`)
  await client.query(`revoke all on database ${ident(TEMPLATE_DATABASE)} from public`)
  const inside = await connectServer(await addressOf(parts.control, parts.keyring, server), TEMPLATE_DATABASE)
  try {
    await inside.query(`set search_path = public, pg_temp; ${TEMPLATE_SQL}`)
    await inside.query('vacuum (analyze, freeze)')
  } finally {
    await inside.end()
  }
  await client.query(`alter database ${ident(TEMPLATE_DATABASE)} allow_connections false`)
  return TEMPLATE_DATABASE
}

async function makeBatch(
  clients: readonly Client[],
  names: readonly string[],
  template: string,
  operationId: string,
): Promise<void> {
  const queue = [...names]
  const outcomes = await Promise.allSettled(
    clients.map(async (client) => {
      for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
        await makeDatabase(client, name, template, operationId)
      }
    }),
  )
  const failure = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failure !== undefined) throw failure.reason
}

async function makeDatabase(
  client: Client,
  name: string,
  template: string,
  operationId: string,
): Promise<void> {
  // The names were free when the operation began: one that exists now was made by an earlier life of it.
  const { rows } = await client.query<{ comment: string | null }>(
    `select shobj_description(oid, 'pg_database') as comment from pg_database where datname = $1`,
    [name],
  )
  if (rows[0] === undefined) {
    await client.query(`create database ${ident(name)} template ${ident(template)} allow_connections true`)
  } else if (rows[0].comment !== null && rows[0].comment !== mark(operationId)) {
    throw new TenantryError('conflict', `Database ${name} was made by somebody else meanwhile.`)
  }
  await client.query(`revoke all on database ${ident(name)} from public`)
  await client.query(`comment on database ${ident(name)} is ${literal(mark(operationId))}`)
}

/** Kind `simulate-cleanup`: removes what simulate made, by its own mark, and nothing else. */
export function simulateCleanupHandler(parts: Parts): OperationHandler {
  return {
    run: (context) => cleanup(parts, context, context.operation.input as unknown as { prefix: string }),
  }
}

async function cleanup(
  parts: Parts,
  context: OperationContext,
  input: { prefix: string },
): Promise<OperationOutcome> {
  const tenants = await parts.control.query<{
    id: number
    database_name: string
    server: string
    operation: string
  }>(
    `select tenant.id, tenant.database_name, server.name as server, tenant.created_by_operation as operation
     from tenantry.tenants as tenant join tenantry.db_servers as server on server.id = tenant.server_id
     where tenant.created_by_operation is not null and starts_with(tenant.database_name, $1) order by tenant.id`,
    [input.prefix],
  )
  const kept: string[] = []
  let removed = 0
  for (const server of new Set(tenants.map((tenant) => tenant.server))) {
    const here = tenants.filter((tenant) => tenant.server === server)
    const clients = await connectAll(
      parts,
      await getServer(parts.control, server),
      Math.min(PARALLEL, here.length),
    )
    try {
      for (let start = 0; start < here.length; start += BATCH) {
        context.signal.throwIfAborted()
        const batch = here.slice(start, start + BATCH)
        kept.push(...(await dropBatch(clients, batch)))
        const gone = batch.filter((tenant) => !kept.includes(tenant.database_name)).map((tenant) => tenant.id)
        await forgetTenants(parts.control, gone)
        removed += gone.length
        await context.progress({ total: tenants.length, completed: removed + kept.length })
      }
    } finally {
      await Promise.all(clients.map((client) => client.end()))
    }
  }
  return { state: 'succeeded', result: { removed, kept } }
}

/** @returns names of databases that do not carry simulate's mark: they are left alone. */
async function dropBatch(
  clients: readonly Client[],
  batch: readonly { database_name: string; operation: string }[],
): Promise<string[]> {
  const kept: string[] = []
  const queue = [...batch]
  await Promise.all(
    clients.map(async (client) => {
      for (let tenant = queue.shift(); tenant !== undefined; tenant = queue.shift()) {
        const { rows } = await client.query<{ comment: string | null }>(
          `select shobj_description(oid, 'pg_database') as comment from pg_database where datname = $1`,
          [tenant.database_name],
        )
        if (rows[0] === undefined) continue
        if (rows[0].comment === mark(tenant.operation)) {
          await client.query(`drop database ${ident(tenant.database_name)} with (force)`)
        } else {
          kept.push(tenant.database_name)
        }
      }
    }),
  )
  return kept
}

/** Tenants that rollouts remember stay as retired rows; the others go. */
async function forgetTenants(control: Control, ids: readonly number[]): Promise<void> {
  await control.query(
    `with remembered as (
       update tenantry.tenants as tenant set state = 'retired', created_by_operation = null,
         name = tenant.name || '#' || tenant.id, database_name = tenant.database_name || '#' || tenant.id
       where id = any($1::bigint[]) and exists (select from tenantry.rollout_targets where tenant_id = tenant.id)
       returning id)
     delete from tenantry.tenants where id = any($1::bigint[]) and id not in (select id from remembered)
       and not exists (select from tenantry.rollout_targets where tenant_id = tenants.id)`,
    [ids],
  )
}

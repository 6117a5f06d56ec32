/** What an audit asks instead of a full inspection sees every change that an inspection sees. */
import { expect, onTestFinished, test } from 'vitest'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { databaseOf } from '../support/postgres-schemas.ts'
import { audited, auditedRole, changesWith } from './audited-changes.ts'

interface Sight {
  readonly marker: string
  readonly catalogue: string
  readonly snapshot: string
}

async function look(session: SchemaSession): Promise<Sight> {
  return {
    marker: (await postgres.changeMarker?.(session)) ?? '',
    catalogue: await postgres.catalogueFingerprint(session),
    snapshot: (await postgres.inspect(session)).fingerprint,
  }
}

async function sessionOn(schema: string): Promise<SchemaSession> {
  const database = await databaseOf(schema)
  const session = await postgres.connect(database.dsn)
  onTestFinished(() => session.close())
  return session
}

test('every change is seen by the mark, and by the fingerprint when the schema is another', async () => {
  const role = await auditedRole()
  const session = await sessionOn(audited(role))
  let before = await look(session)
  expect(await look(session)).toEqual(before)
  const unseen: string[] = []
  for (const change of changesWith(role)) {
    await session.query(`set search_path = public; ${change}; set search_path = pg_catalog`)
    const after = await look(session)
    // A plan's guard makes the same text of the same schema, though it asks in one statement.
    await session.query(postgres.guard?.([after.catalogue]) ?? '')
    if (after.marker === before.marker) unseen.push(`mark: ${change}`)
    const different = after.snapshot !== before.snapshot
    if (different && after.catalogue === before.catalogue) unseen.push(`fingerprint: ${change}`)
    before = after
  }
  expect(unseen).toEqual([])
})

test('what is written and is no change of the schema leaves the mark as it is', async () => {
  const session = await sessionOn('create table one (id integer primary key, name text)')
  const before = await postgres.changeMarker?.(session)
  await session.query(`insert into public.one select n, 'x' from generate_series(1, 1000) n`)
  await session.query('vacuum (freeze, analyze)')
  await session.query('begin; create table public.never (id integer); rollback')
  expect(await postgres.changeMarker?.(session)).toBe(before)
})

/** They hold no schema: data, statistics, what is reported and not compared. */
const NO_SCHEMA = [
  'pg_init_privs',
  'pg_largeobject',
  'pg_largeobject_metadata',
  'pg_seclabel',
  'pg_statistic',
  'pg_statistic_ext_data',
  'pg_subscription_rel',
]

/** See the mark's own description. */
const WITH_OTHERS = [
  'pg_aggregate',
  'pg_amop',
  'pg_amproc',
  'pg_attrdef',
  'pg_inherits',
  'pg_partitioned_table',
  'pg_publication_namespace',
  'pg_publication_rel',
  'pg_range',
  'pg_ts_config_map',
  'pg_user_mapping',
]

test('no catalogue of this server is unknown to the mark', async () => {
  const session = await sessionOn(
    'create foreign data wrapper far; create server away foreign data wrapper far',
  )
  const asked: string[] = []
  const query = (sql: string): ReturnType<SchemaSession['query']> => {
    asked.push(sql)
    return session.query(sql)
  }
  await postgres.changeMarker?.({ ...session, query })
  const catalogues = await session.query(
    `select relname from pg_class where relnamespace = 11 and relkind = 'r' and not relisshared`,
  )
  const names = catalogues.map(({ relname }) => String(relname))
  const known = new Set([...NO_SCHEMA, ...WITH_OTHERS, ...asked.join(' ').match(/pg_[a-z_]+/gu)!])
  expect(names.filter((name) => !known.has(name))).toEqual([])
})

/** A plan does the same by psql and by us, whatever is set in the session, the database, or where psql is started. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished } from 'vitest'
import { diff } from '../../src/schema/diff/diff.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import { executePlan } from '../../src/schema/execute.ts'
import type { HazardName } from '../../src/schema/plan/hazards.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import { versionSql } from '../../src/schema/plan/version-sql.ts'
import { planScript } from '../../src/schema/render/script.ts'
import { adminClient, sharedServer, type TestDatabase } from '../support/postgres.ts'
import { databaseOf, inspected } from '../support/postgres-schemas.ts'
import { programPath, withProgram } from '../support/programs.ts'

const FROM = `create table t (at timestamptz, said text, took interval, raw bytea, ratio double precision, mark text);
  insert into t values ('2024-01-01 10:00+00', '03/04/2024 10:00', '1 day 02:00', '\\x00ff5c', 0.1::float8 + 0.2, '<a/>b')`
const TO = `create table t (at timestamp, said timestamptz, took text, raw text, ratio text, mark xml);
  comment on table t is 'größer \\ it''s'`
const SHOWN = `set timezone = 'UTC'; set datestyle = 'ISO'; set extra_float_digits = 3;
  select t::text, obj_description('t'::regclass) as comment from t`

const ODD: Readonly<Record<string, string>> = {
  timezone: 'America/New_York',
  datestyle: 'German',
  intervalstyle: 'sql_standard',
  bytea_output: 'escape',
  extra_float_digits: '-5',
  standard_conforming_strings: 'off',
  xmloption: 'document',
  transform_null_equals: 'on',
  default_transaction_isolation: 'serializable',
}
const ALLOWED: readonly HazardName[] = ['table-rewrite', 'data-loss']

async function oddly(sql: string): Promise<TestDatabase> {
  const database = await databaseOf(sql)
  const client = await adminClient(database.name)
  for (const [name, value] of Object.entries(ODD))
    await client.query(`alter database ${database.name} set ${name} = '${value}'`)
  await client.end()
  return database
}

async function shown({ name }: TestDatabase): Promise<unknown> {
  const client = await adminClient(name)
  try {
    const results = (await client.query(SHOWN)) as unknown as readonly { rows: unknown[] }[]
    return results.at(-1)?.rows
  } finally {
    await client.end()
  }
}

async function inPsql(script: string, database: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-script-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'plan.sql'), script)
  const { host, port, user, password } = sharedServer()
  await promisify(execFile)(
    programPath('psql'),
    ['-X', '-h', host, '-p', String(port), '-U', user, '-d', database, '-f', join(folder, 'plan.sql')],
    {
      env: {
        PATH: process.env['PATH'] ?? '',
        PGPASSWORD: password,
        PGCLIENTENCODING: 'LATIN1',
        PGTZ: 'Asia/Tokyo',
      },
    },
  )
}

withProgram('psql').test(
  'values are the same by psql, by us, and by a version made of the plan',
  async () => {
    const [byUs, byPsql, asVersion] = [await oddly(FROM), await oddly(FROM), await oddly(FROM)]
    const target = await inspected((await databaseOf(TO)).dsn)
    const plan = makePlan(postgres, await inspected(byUs.dsn), target)
    const session = await postgres.connect(byUs.dsn)
    const { failure } = await executePlan(postgres, session, plan, { allow: ALLOWED })
    await session.close()
    expect(failure).toBeUndefined()

    await inPsql(await planScript(postgres, plan), byPsql.name)
    const client = await adminClient(asVersion.name)
    await client.query(versionSql(postgres, plan, false))
    // What it sets it sets for itself.
    expect((await client.query('show timezone')).rows).toEqual([{ TimeZone: ODD['timezone'] }])
    await client.end()

    const wanted = String.raw`("2024-01-01 10:00:00","2024-03-04 10:00:00+00","1 day 02:00:00","\\x00ff5c",0.30000000000000004,<a/>b)`
    for (const database of [byUs, byPsql, asVersion]) {
      expect(diff(await inspected(database.dsn), target)).toEqual([])
      expect(await shown(database)).toEqual([{ t: wanted, comment: `größer \\ it's` }])
    }
  },
)

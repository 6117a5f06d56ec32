/** Never twice, never half, in order. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { columnOf, startFleet, type Fleet } from '../support/fleet.ts'

let fleet: Fleet

beforeAll(async () => {
  fleet = await startFleet({ tenants: 8 })
  await fleet.startWorker()
})
afterAll(() => fleet.close())

async function outcomes(rolloutId: string): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { state, outcome } of await fleet.targets(rolloutId)) {
    const key = outcome ?? state
    counts[key] = (counts[key] ?? 0) + 1
  }
  return counts
}

/** The first failed target, in words. */
async function failure(rolloutId: string): Promise<string> {
  const [row] = await fleet.app.control.query<{ text: string }>(
    `select sqlstate || ' ' || error as text from tenantry.rollout_targets where rollout_id = $1 and state = 'failed'`,
    [rolloutId],
  )
  return row?.text ?? 'nothing failed'
}

describe('one version', () => {
  test('reaches every tenant once; again it is there already', async () => {
    const version = await fleet.addColumn()
    const first = await fleet.complete({ version, waves: [{ size: '1' }, { size: '25%' }, { size: 'rest' }] })
    expect(first.progress).toMatchObject({ total: 8, completed: 8, successful: 8, failed: 0, already: 0 })
    expect(first.waves.map((wave) => wave.total)).toEqual([1, 2, 5])
    const second = await fleet.complete({ version })
    expect(second.progress).toMatchObject({ total: 8, successful: 8, already: 8 })
    expect(await outcomes(second.rollout.id)).toEqual({ already_applied: 8 })
    const [row] = await fleet.ledgerOf(fleet.tenant(0))
    expect(row?.rollout_id).toBe(first.rollout.id)
  })

  test('two rollouts of it at once, two workers: each tenant has it from one of them', async () => {
    const other = await fleet.startWorker()
    const version = await fleet.addColumn()
    const rollouts = await Promise.all([
      fleet.rollout({ version }),
      fleet.rollout({ version, order: 'random' }),
    ])
    for (const { id } of rollouts) {
      await fleet.waitFor(id, 'completed')
      await fleet.expectConsistent(id)
    }
    const [one, two] = await Promise.all(rollouts.map(({ id }) => outcomes(id)))
    expect((one?.['applied'] ?? 0) + (two?.['applied'] ?? 0)).toBe(8)
    expect((one?.['already_applied'] ?? 0) + (two?.['already_applied'] ?? 0)).toBe(8)
    await other.drain()
  })

  test('with another checksum on the tenant nothing is done, and both checksums are named', async () => {
    const version = await fleet.addColumn()
    const strange = 'f'.repeat(64)
    for (const index of [0, 1]) {
      await fleet.sql(
        fleet.tenant(index),
        `insert into tenantry.ledger values ('', '${version}', '${strange}', gen_random_uuid())`,
      )
    }
    const { id } = await fleet.rollout({ version })
    const { progress, errorGroups } = await fleet.waitFor(id, 'completed')
    expect(progress).toMatchObject({ successful: 6, failed: 2, retries: 0 })
    expect(errorGroups).toMatchObject([{ sqlstate: 'TN001', count: 2 }])
    expect(errorGroups[0]?.message).toMatch(
      new RegExp(`${version}.*${strange}.*[0-9a-f]{64}.*nothing was done`),
    )
    expect(await fleet.columnsOf(fleet.tenant(0))).not.toContain(columnOf(version))
    for (const index of [0, 1])
      await fleet.sql(fleet.tenant(index), `delete from tenantry.ledger where version_id = '${version}'`)
    const again = await fleet.complete({ version })
    expect(again.progress).toMatchObject({ successful: 8, already: 6 })
  })
})

describe('several versions', () => {
  test('a tenant that is behind gets what it lacks, in order; one that failed keeps what it got', async () => {
    const steps = 'create table if not exists steps (id integer generated always as identity, name text)'
    const versions: string[] = []
    for (const name of ['first', 'second', 'third']) {
      versions.push(
        await fleet.addVersion({
          upgrade: `${steps}; insert into steps (name) values ('${name}')`,
          probe: `select exists (select from steps where name = '${name}')`,
        }),
      )
    }
    const [first = '', second = '', third = ''] = versions
    // Earlier versions of this file are rolled out first, so that all tenants are equal.
    await fleet.complete({ version: first, upTo: true })
    const [ahead, blocked, behind] = [fleet.tenant(0), fleet.tenant(1), fleet.tenant(2)]
    await fleet.complete({ version: second, selector: `name:${ahead.name}` })
    await fleet.sql(blocked, `alter table steps add constraint no_third check (name <> 'third')`)
    const { id } = await fleet.rollout({ version: 'latest', upTo: true })
    const status = await fleet.waitFor(id, 'completed')
    expect(status.progress).toMatchObject({ successful: 7, failed: 1 })
    expect(status.rollout.version_ids.slice(-3)).toEqual(versions)
    const names = async (index: number): Promise<string[]> =>
      (await fleet.sql<{ name: string }>(fleet.tenant(index), 'select name from steps order by id')).map(
        (row) => row.name,
      )
    expect(await names(0)).toEqual(['first', 'second', 'third'])
    expect(await names(1)).toEqual(['first', 'second'])
    expect(await names(2)).toEqual(['first', 'second', 'third'])
    await fleet.expectConsistent(id)
    const registered = await fleet.app.control.query<{ version_id: string }>(
      'select version_id from tenantry.tenants where name = any($1) order by name',
      [[ahead.name, blocked.name, behind.name]],
    )
    expect(registered.map((row) => row.version_id)).toEqual([third, second, third])
    await fleet.sql(blocked, 'alter table steps drop constraint no_third')
  })
})

describe('what a version may hold', () => {
  test('nothing at all', async () => {
    const version = await fleet.addVersion({ upgrade: '-- only a comment', downgrade: '' })
    const { progress } = await fleet.complete({ version })
    expect(progress).toMatchObject({ successful: 8, already: 0 })
    expect((await fleet.ledgerOf(fleet.tenant(0))).map((row) => row.version_id)).toContain(version)
  })

  test('ten megabytes', async () => {
    const row = `insert into big values ('${'x'.repeat(1000)}');\n`
    const version = await fleet.addVersion({
      upgrade: `create table big (text text);\n${row.repeat(10_000)}`,
      probe: `select (select count(*) from big) = 10000`,
    })
    const selector = `name:${fleet.tenant(0).name},${fleet.tenant(1).name}`
    expect((await fleet.complete({ version, selector })).progress).toMatchObject({ successful: 2 })
  })

  test('function bodies of all kinds, a semicolon in quotes, a comment at the end', async () => {
    const version = await fleet.addVersion({
      upgrade: `create function f_plain() returns integer language plpgsql as $$
begin
  perform 1; -- ends nothing
  return 7;
end $$;
create function f_tagged() returns text language sql as $body$ select $$a;b$$ $body$;
create function f_atomic(a integer) returns integer language sql
begin atomic
  select case when a > 1 then a else 1 end;
  select a + 1;
end;
create table ";" (note text default ';'); -- the last word`,
      probe: `select f_plain() = 7 and f_tagged() = 'a;b' and f_atomic(2) = 3 and to_regclass('";"') is not null`,
    })
    expect((await fleet.complete({ version })).progress).toMatchObject({ successful: 8 })
  })
})

describe('what a version may get wrong', () => {
  test('a syntax error in the third statement: nothing is applied, statement and line are named', async () => {
    const version = await fleet.addVersion({
      upgrade: `-- Ünïcödé 🦊 before it\ncreate table half_1 (a integer);\ncreate table half_2 (a text default '🦊');\n\ncreate tabel half_3 (a integer);\ncreate table half_4 ()`,
      probe: `select to_regclass('half_1') is not null or to_regclass('half_2') is not null`,
    })
    const { id } = await fleet.rollout({ version })
    const { progress } = await fleet.waitFor(id, 'completed')
    expect(progress).toMatchObject({ failed: 8, successful: 0, retries: 0 })
    expect(await failure(id)).toBe('42601 syntax error at or near "tabel" (statement 3 of 4, line 5)')
    await fleet.expectConsistent(id)
  })

  test('a statement that fails: the ones before it are taken back, statement and line are named', async () => {
    const version = await fleet.addVersion({
      upgrade: `create table half_1 (a integer);\ninsert into half_1 values (1);\n/* two\nlines */ insert into items values (1, 'again')`,
      probe: `select to_regclass('half_1') is not null`,
    })
    const { id } = await fleet.rollout({ version })
    await fleet.waitFor(id, 'completed')
    expect(await failure(id)).toBe(
      '23505 duplicate key value violates unique constraint "items_pkey" (statement 3 of 3, line 4) – Key (id)=(1) already exists.',
    )
    await fleet.expectConsistent(id)
  })

  test('a deferred constraint that fails at the commit', async () => {
    const version = await fleet.addVersion({
      upgrade: `create table parent (id integer primary key);
create table child (id integer references parent deferrable initially deferred);
insert into child values (1);
select 1`,
      probe: `select to_regclass('parent') is not null`,
    })
    const { id } = await fleet.rollout({ version })
    const { progress } = await fleet.waitFor(id, 'completed')
    expect(progress).toMatchObject({ failed: 8, retries: 0 })
    expect(await failure(id)).toMatch(
      /^23503 insert or update on table "child" violates foreign key constraint "child_id_fkey" \(at commit\)/,
    )
    await fleet.expectConsistent(id)
  })

  test('a permanent error is not tried again; the fixed tenant is, on demand', async () => {
    const version = await fleet.addVersion({ upgrade: 'alter table missing_here add column x integer' })
    const { id } = await fleet.rollout({ version, selector: `name:${fleet.tenant(3).name}` })
    await fleet.waitFor(id, 'completed')
    const rows = await fleet.app.control.query(
      'select attempts, sqlstate from tenantry.rollout_targets where rollout_id = $1',
      [id],
    )
    expect(rows).toEqual([{ attempts: 1, sqlstate: '42P01' }])
  })
})

test('a database that is dropped, renamed or refuses is reported and nothing else suffers', async () => {
  const version = await fleet.addColumn()
  const [dropped, renamed] = [fleet.tenant(6), fleet.tenant(7)]
  await fleet.sql(fleet.tenant(0), `drop database ${dropped.database} with (force)`)
  await fleet.sql(fleet.tenant(0), `alter database ${renamed.database} rename to ${renamed.database}_x`)
  const { id } = await fleet.rollout({ version })
  const { progress } = await fleet.waitFor(id, 'completed')
  expect(progress).toMatchObject({ successful: 6, failed: 2 })
  expect(
    (await fleet.targets(id)).filter((target) => target.state === 'failed').map((target) => target.sqlstate),
  ).toEqual(['3D000', '3D000'])
  await fleet.expectConsistent(id)
})

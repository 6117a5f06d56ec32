/** Versions and tenants of all kinds, while workers die, freeze and race. */
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import { ident } from '../../../src/engine/sql.ts'
import { rolloutStatus } from '../../../src/rollout/status.ts'
import {
  addSlowVersion,
  between,
  faultTest,
  inHandOf,
  inTheMiddle,
  MIXED,
  pick,
  SIZE,
  workerIdOf,
} from '../../support/faults.ts'
import type { Fleet, NewFleetVersion } from '../../support/fleet.ts'
import { adminQuery } from '../../support/postgres.ts'
import { until } from '../../support/wait.ts'

interface Kind {
  readonly version: NewFleetVersion
  readonly fails?: { readonly sqlstate: string; readonly message: RegExp }
  readonly tenants?: number
}

const KINDS: Readonly<Record<string, Kind>> = {
  'of ten megabytes': {
    version: {
      upgrade: `create table big (line text);\n${`insert into big values ('${'x'.repeat(1_000)}');\n`.repeat(10_000)}`,
      probe: 'select count(*) = 10000 from big',
    },
    tenants: 6,
  },
  'that is empty': { version: { upgrade: '' } },
  'with a comment only': { version: { upgrade: '-- nothing to do\n' } },
  'with a syntax error in the third statement': {
    version: {
      upgrade: `alter table items add column one integer;\nselect pg_sleep(0.2);\nalter tabel items add column two integer;`,
      probe: `select exists (select from pg_attribute where attrelid = 'items'::regclass and attname = 'one')`,
    },
    fails: { sqlstate: '42601', message: /syntax error at or near "tabel"/ },
  },
  'whose statements cannot share a transaction': {
    version: {
      upgrade: `create index concurrently first on items (name);
        insert into items select max(id) + 1, 'mark' from items; select pg_sleep(0.3);
        create index concurrently second on items (name, id);
        insert into items select max(id) + 1, 'mark' from items; select pg_sleep(0.3);
        drop index concurrently first;`,
      probe: `select (select count(*) = 2 from items where name = 'mark') and (select count(*) = 2 and bool_and(indisvalid)
        from pg_index where indrelid = 'items'::regclass)`,
    },
    tenants: 12,
  },
}

for (const [kind, { version, fails, tenants = 24 }] of Object.entries(KINDS)) {
  faultTest(`a version ${kind}, and a worker is killed`, async ({ random, startFleet }) => {
    const fleet = await startFleet(
      tenants < 24 ? { tenants } : { tenants: 4, schemas: (MIXED.schemas ?? []).slice(4) },
    )
    const workers = await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
    const { id } = await fleet.rollout({
      version: await fleet.addVersion(version),
      options: { maxConnections: 4 },
    })
    // At any moment, also before it begins and after it ends.
    await pause(between(random, 0, 1_500))
    const victim = pick(random, workers)
    await victim.kill()
    const { progress, errorGroups } = await fleet.waitFor(id, 'completed', 40_000)
    expect(progress).toMatchObject(
      fails === undefined ? { successful: tenants, already: 0 } : { failed: tenants },
    )
    if (fails !== undefined) {
      expect(errorGroups).toMatchObject([{ sqlstate: fails.sqlstate, count: tenants }])
      expect(errorGroups[0]?.message).toMatch(fails.message)
    }
    await fleet.expectConsistent(id)
  })
}

faultTest(
  'a worker frozen between two statements of their own is put out of the tenant',
  async ({ startFleet }) => {
    const fleet = await startFleet({ tenants: 2 })
    const zombie = await fleet.spawnWorker()
    const version = await fleet.addVersion({
      upgrade: `insert into items select max(id) + 1, 'mark' from items; select pg_sleep(1);
      create index concurrently by_name on items (name);
      insert into items select max(id) + 1, 'mark' from items;`,
      probe: `select count(*) = 2 and to_regclass('by_name') is not null from items where name = 'mark'`,
    })
    const { id } = await fleet.rollout({ version })
    await inTheMiddle(fleet, id, 0)
    const zombieId = await workerIdOf(fleet, zombie)
    const sleeping = `select from pg_stat_activity where application_name = 'tenantry rollout ${id.slice(0, 8)}' and wait_event = 'PgSleep'`
    await until(async () => (await fleet.sql(fleet.tenant(0), sleeping)).length === 2, {
      what: 'both tenants to be begun',
    })
    zombie.signal('SIGSTOP')
    expect(await inHandOf(fleet, id, zombieId)).toHaveLength(2)
    await fleet.spawnWorker()
    const { progress } = await fleet.waitFor(id, 'completed', 40_000)
    expect(progress).toMatchObject({ successful: 2, failed: 0, already: 0 })
    await fleet.expectConsistent(id)
    zombie.signal('SIGCONT')
    await until(() => zombie.log().includes('lease lost'), { what: 'the worker to notice' })
    expect(await zombie.stop()).toBe(0)
    await fleet.expectConsistent(id)
  },
)

faultTest(
  'two rollouts of one version at once, by two processes of which one is killed',
  async ({ random, startFleet }) => {
    const fleet = await startFleet(MIXED)
    const workers = await Promise.all([fleet.spawnWorker(), fleet.spawnWorker()])
    const version = await addSlowVersion(fleet, 0.3)
    // Who comes second waits for the first, which is no failed try.
    const options = { maxConnections: 8, maxRetries: 0 }
    const [one, two] = await Promise.all([
      fleet.rollout({ version, options }),
      fleet.rollout({ version, options, order: 'random' }),
    ])
    await pause(between(random, 200, 1_500))
    await pick(random, workers).kill()
    const first = await fleet.waitFor(one.id, 'completed', 50_000)
    const second = await fleet.waitFor(two.id, 'completed', 50_000)
    for (const { progress } of [first, second])
      expect(progress).toMatchObject({ successful: SIZE, failed: 0 })
    expect(first.progress.already + second.progress.already).toBe(SIZE)
    await fleet.expectConsistent(one.id)
    await fleet.expectConsistent(two.id)
  },
)

const HOSTILE_NAMES = [
  `o'brien`,
  'quo"ted',
  'semi;drop schema public cascade;--',
  'dollar$1 $$ $tag$',
  ' spaces ',
  'percent%s%n',
  '<img src=x onerror=alert(1)>',
  'back\\slash',
  'naïve Ünïcode 漢字 🦆',
  '\u001b[31mred\u001b[0m',
  'new\nline',
  'select',
  'pg-temp',
  'x'.repeat(63),
]

faultTest('tenants with hostile names', async ({ startFleet }) => {
  const fleet = await startFleet({ tenants: 0, schemas: HOSTILE_NAMES })
  await fleet.startWorker()
  for (const version of [
    await addSlowVersion(fleet),
    await fleet.addVersion({
      upgrade: 'create index concurrently by_name on items (name); vacuum items;',
      probe: `select to_regclass('by_name') is not null`,
    }),
  ]) {
    const { id } = await fleet.rollout({ version })
    const { progress } = await fleet.waitFor(id, 'completed', 30_000)
    expect(progress).toMatchObject({ successful: HOSTILE_NAMES.length, failed: 0 })
    await fleet.expectConsistent(id)
  }
})

const HOSTILE_ERRORS: Readonly<Record<string, string>> = {
  'escape sequences of a terminal': `E'\\x1b[2J\\x1b]0;owned\\x07\\x1b[31mred'`,
  'a megabyte': `repeat('long ', 200000)`,
  'many lines': `repeat(E'line\\r\\n', 10000)`,
  'a script for a browser': `'<img src=x onerror=alert(1)></script>'`,
  'what looks like NUL': `E'\\\\u0000 \\\\x00 %00 \\u200b\\u202e'`,
  'half a character at the limit': `repeat('x', 1999) || '🦆🦆'`,
  'its own placeholder': `'<tenant> <value> # %s $1'`,
}

faultTest('errors with hostile text are kept short and harmless', async ({ startFleet }) => {
  const fleet = await startFleet({ tenants: 0, schemas: ['a', 'b'] })
  await fleet.startWorker()
  for (const [what, text] of Object.entries(HOSTILE_ERRORS)) {
    const version = await fleet.addVersion({
      upgrade: `do $do$ begin raise exception using message = ${text}, detail = ${text}, hint = ${text}; end $do$;`,
      probe: 'select false',
    })
    const { id } = await fleet.rollout({ version })
    const { errorGroups, progress } = await fleet.waitFor(id, 'completed')
    const message = errorGroups[0]?.message ?? ''
    const status = JSON.stringify(await rolloutStatus(fleet.app.control, id))
    expect({
      what,
      failed: progress.failed,
      sqlstates: errorGroups.map((group) => group.sqlstate),
      isThere: message.length > 0,
      isShort: message.length <= 2_001 && status.length < 20_000,
      // oxlint-disable-next-line no-control-regex
      isHarmless: !/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(message) && message.isWellFormed(),
    }).toEqual({ what, failed: 2, sqlstates: ['P0001'], isThere: true, isShort: true, isHarmless: true })
    await fleet.expectConsistent(id)
  }
})

faultTest('a database in another encoding gets the text that was written', async ({ startFleet }) => {
  const fleet = await startFleet({ tenants: 1 })
  const tenant = fleet.tenant(0)
  await recodeDatabase(fleet, tenant.database)
  await fleet.startWorker()
  const version = await fleet.addVersion({
    upgrade: `create table words (word text); insert into words values ('Grüße');`,
    probe: `select count(*) = 1 from words where word = U&'Gr\\00FC\\00DFe'`,
  })
  const { id } = await fleet.rollout({ version })
  expect((await fleet.waitFor(id, 'completed')).progress).toMatchObject({ successful: 1 })
  await fleet.expectConsistent(id)
})

/** The same database again, empty, in LATIN1. */
async function recodeDatabase(fleet: Fleet, database: string): Promise<void> {
  const owner = fleet.servers[0]?.migrator.user ?? ''
  await adminQuery(`drop database ${ident(database)}`)
  await adminQuery(
    `create database ${ident(database)} owner ${ident(owner)} template template0 encoding 'LATIN1' locale 'C'`,
  )
}

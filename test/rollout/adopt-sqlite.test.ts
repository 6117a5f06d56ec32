/** Tenants that are SQLite files, migrated by another tool, are taken over. */
import { mkdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { discover } from '../../src/registry/discovery.ts'
import { addServer, getServer } from '../../src/registry/servers.ts'
import { testDirectory } from '../support/directories.ts'
import { startFleet, type Fleet } from '../support/fleet.ts'
import { withProgram } from '../support/programs.ts'
import { adopt, expectTakenOver, importProject, type Tenants } from './adopt-others.ts'
import { ALEMBIC, PROJECTS, schemaAfter, type Project } from './adopt-projects.ts'

vi.setConfig({ testTimeout: 60_000 })

const TENANTS = 60

let fleet: Fleet
let directory: string
const free = Array.from({ length: TENANTS }, (_, at) => `t${String(at).padStart(3, '0')}.db`)

beforeAll(async () => {
  fleet = await startFleet({ servers: [] })
  directory = await testDirectory('files')
  mkdirSync(directory, { recursive: true })
  for (const name of free) write(name, 'CREATE TABLE item (id INTEGER)')
  const { control, keyring } = fleet.app
  await addServer(control, keyring, { name: 'files', dsn: `sqlite://${directory}` })
  await discover(control, keyring, [await getServer(control, 'files')], { pattern: '%.db' })
  await fleet.startWorker()
}, 60_000)
afterAll(async () => {
  await fleet.close()
  rmSync(directory, { recursive: true })
})

const open = (tenant: string): DatabaseSync => new DatabaseSync(path.join(directory, tenant))

function write(tenant: string, sql: string): void {
  const database = open(tenant)
  database.exec(sql)
  database.close()
}

function read(tenant: string, sql: string): unknown[][] {
  const database = open(tenant)
  try {
    return database
      .prepare(sql)
      .all()
      .map((row) => Object.values(row))
  } finally {
    database.close()
  }
}

const next = (): string => {
  const [tenant] = free.splice(0, 1)
  if (tenant === undefined) throw new Error('no tenant is left')
  return tenant
}
const versionsOf = (tenant: string): unknown[] =>
  read(tenant, 'SELECT version_id FROM tenantry_ledger ORDER BY version_id').flat()
const hasLedger = (tenant: string): boolean =>
  read(tenant, `SELECT 1 FROM sqlite_schema WHERE name = 'tenantry_ledger'`).length > 0
const byHand = (project: Project, tenant: string, count: number): void =>
  write(tenant, `${schemaAfter(count)}; ${project.ledger('sqlite', count)}`)

const tenants: Tenants = { next, versionsOf, hasLedger }

async function expectAdopted(project: Project): Promise<void> {
  const imported = await importProject(fleet, project, 'sqlite')
  const { all, most } = await expectTakenOver(fleet, imported, tenants, (tenant, count) =>
    byHand(project, tenant, count),
  )
  const rollout = await fleet.rollout({ version: imported.versions[1], selector: `name:${all},${most}` })
  await fleet.waitFor(rollout.id, 'completed')
  expect(versionsOf(most)).toEqual(imported.versions)
  expect(read(most, `SELECT name FROM sqlite_schema WHERE name = 'customer_name'`)).toHaveLength(1)

  if (project.spoiled === undefined) return
  const [sql, outcome] = project.spoiled
  const tenant = next()
  byHand(project, tenant, 2)
  write(tenant, sql)
  expect((await adopt(fleet, imported, [tenant])).outcomes).toEqual({ [outcome]: 1 })
  expect(hasLedger(tenant)).toBe(false)
}

test.for(Object.entries(PROJECTS))('what %s would have recorded', ([, project]) => expectAdopted(project))

withProgram('alembic').test('what Alembic would have recorded', () => expectAdopted(ALEMBIC))

test('a view in the place of the ledger is not read; a table under a name of its own is', async () => {
  const project = PROJECTS['dbmate']!
  const imported = await importProject(fleet, project, 'sqlite')
  const tenant = next()
  write(
    tenant,
    `CREATE TABLE "Our Migrations" (version TEXT); INSERT INTO "Our Migrations" VALUES ('20260101000000');
     CREATE VIEW schema_migrations AS SELECT version FROM "Our Migrations"`,
  )
  expect((await adopt(fleet, imported, [tenant])).problems).toMatchObject([
    { outcome: 'unreadable_ledger', note: expect.stringContaining('"main"."schema_migrations"') as unknown },
  ])
  const place = { table: 'our migrations' }
  expect(
    (await adopt(fleet, imported, [tenant], { place: { ...place, schema: 'temp' } })).problems,
  ).toMatchObject([
    { outcome: 'failed', note: 'There is no temp here: a tenant is one file, whose tables are in main' },
  ])
  expect((await adopt(fleet, imported, [tenant], { place })).outcomes).toEqual({ adopted: 1 })
  expect(versionsOf(tenant)).toEqual([imported.versions[0]])
})

test('a file that somebody writes to does not stop the others', async () => {
  const project = PROJECTS['goose']!
  const imported = await importProject(fleet, project, 'sqlite')
  const [locked, other] = [next(), next()]
  for (const tenant of [locked, other]) byHand(project, tenant, 2)
  const holder = open(locked)
  holder.exec('BEGIN EXCLUSIVE')
  const report = await adopt(fleet, imported, [locked, other])
  holder.exec('ROLLBACK')
  holder.close()
  expect(report.outcomes).toEqual({ adopted: 1, failed: 1 })
  expect(report.problems[0]?.note).toContain('is locked by another connection')
  expect((await adopt(fleet, imported, [locked])).outcomes).toEqual({ adopted: 1 })
})

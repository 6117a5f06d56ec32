/** Adopting tenants on servers that are not PostgreSQL: what the tests of MySQL and SQLite have in common. */
import { symlink } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'vitest'
import { getOperation } from '../../src/control/operations/read.ts'
import { enqueueOperation } from '../../src/control/operations/store.ts'
import { getTenant } from '../../src/registry/tenants.ts'
import { prepareAdoption, type AdoptRequest } from '../../src/rollout/adopt.ts'
import { openSource, renderRange } from '../../src/schema/sources/index.ts'
import { storeVersion, versionIdOf } from '../../src/schema/versions.ts'
import { folderWith } from '../schema/sources/folders.ts'
import type { Fleet } from '../support/fleet.ts'
import { until } from '../support/wait.ts'
import type { Project } from './adopt-projects.ts'

const MODULES = path.join(import.meta.dirname, '../../node_modules')

export interface Report {
  readonly outcomes: Record<string, number>
  readonly problems: { tenant: string; outcome: string; note: string }[]
}

export interface Imported {
  readonly folder: string
  readonly key: string
  /** One for each of the two migrations. */
  readonly versions: readonly [string, string]
}

let made = 0

/** Writes a project and makes a version of each of its migrations. */
export async function importProject(
  fleet: Fleet,
  project: Project,
  dialect: 'mysql' | 'sqlite',
): Promise<Imported> {
  const files = project.files(dialect)
  const folder = await folderWith(files)
  if (files['package.json'] !== undefined) await symlink(MODULES, path.join(folder, 'node_modules'))
  const source = await openSource({ path: folder })
  const key = `${source.kind}:${folder}`
  const revisions = await (source.revisions?.(dialect) ?? source.list(dialect))
  const versions: string[] = []
  for (const [at, { revision }] of revisions.entries()) {
    const after = revisions[at - 1]?.revision
    const range = { target: revision, ...(after === undefined ? {} : { after }) }
    const { upgradeSql, downgradeSql } = await renderRange(source, range, dialect)
    made += 1
    const versionId = versionIdOf(new Date(Date.UTC(2026, 1, 1) + made * 1000))
    const parts = { dialect, description: 'taken over', source: key, sourceRevision: revision }
    await storeVersion(fleet.app.control, { versionId, upgradeSql, downgradeSql, ...parts })
    versions.push(versionId)
  }
  return { folder, key, versions: versions as [string, string] }
}

export async function adopt(
  fleet: Fleet,
  { folder, key }: Imported,
  tenants: readonly string[],
  request: Partial<AdoptRequest> = {},
): Promise<Report> {
  const selector = `name:${tenants.join(',')}`
  const wanted = { selector, dryRun: false, ...request }
  const input = await prepareAdoption(fleet.app.control, { path: folder, key }, wanted)
  const { id } = await enqueueOperation(fleet.app.control, { kind: 'adopt', input, createdBy: 'test' })
  const operation = await until(
    async () => {
      const found = await getOperation(fleet.app.control, id)
      if (['succeeded', 'failed', 'cancelled'].includes(found.state)) return found
      throw new Error(`it is ${found.state}`)
    },
    { what: `operation ${id} to end`, timeoutMs: 20_000 },
  )
  expect(operation).toMatchObject({ state: 'succeeded', error: null })
  return operation.result as unknown as Report
}

/** How a fleet's tenants are made and looked at. */
export interface Tenants {
  readonly next: () => string
  readonly versionsOf: (tenant: string) => unknown[]
  readonly hasLedger: (tenant: string) => boolean
}

/**
 * Four tenants: one that has all, one that lacks the last migration, one that the tool never saw, one with none.
 * @param apply makes the first `count` migrations as the tool does
 */
export async function expectTakenOver(
  fleet: Fleet,
  imported: Imported,
  { next, versionsOf, hasLedger }: Tenants,
  apply: (tenant: string, count: number) => unknown,
): Promise<{ all: string; most: string }> {
  const [all, most, unseen, none] = [next(), next(), next(), next()]
  await apply(all, 2)
  await apply(most, 1)
  await apply(none, 0)
  const tenants = [all, most, unseen, none]
  const tried = await adopt(fleet, imported, tenants, { dryRun: true })
  expect(tried.outcomes).toEqual({ would_adopt: 2, no_ledger: 1, nothing_applied: 1 })
  for (const tenant of tenants) expect(hasLedger(tenant)).toBe(false)
  const done = await adopt(fleet, imported, tenants)
  expect(done.outcomes).toEqual({ adopted: 2, no_ledger: 1, nothing_applied: 1 })
  expect(done.problems).toMatchObject([{ tenant: unseen, outcome: 'no_ledger' }])
  expect(versionsOf(all)).toEqual(imported.versions)
  expect(versionsOf(most)).toEqual([imported.versions[0]])
  const recorded = async (tenant: string) => (await getTenant(fleet.app.control, tenant)).version_id
  expect(await Promise.all([all, most, unseen].map(recorded))).toEqual([
    imported.versions[1],
    imported.versions[0],
    null,
  ])
  expect((await adopt(fleet, imported, tenants)).outcomes).toMatchObject({ already_adopted: 2 })
  return { all, most }
}

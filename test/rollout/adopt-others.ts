/** Adopting tenants on servers that are not PostgreSQL: what the tests of MySQL and SQLite have in common. */
import { symlink } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'vitest'
import { getOperation } from '../../src/control/operations/read.ts'
import { enqueueOperation } from '../../src/control/operations/store.ts'
import { prepareAdoption, type AdoptRequest } from '../../src/rollout/adopt.ts'
import { openSource, renderRange } from '../../src/schema/sources/index.ts'
import { storeVersion } from '../../src/schema/versions.ts'
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
    const versionId = `20260201_${String(made).padStart(6, '0')}`
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

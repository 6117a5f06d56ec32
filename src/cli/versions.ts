/** Versions between the API and files. */
import { readVersions, writeVersion } from '../schema/version-files.ts'
import type { Answer, Api, Item } from './api.ts'
import type { Cli } from './cli.ts'
import type { View } from './output.ts'
import { gather } from './pages.ts'

type Summary = Item<'versions.list'>

/** Stores what a directory holds, oldest first. @returns all of them as they are stored, and the last one's SQL. */
export async function importVersions(
  api: Api,
  directory: string,
): Promise<{ stored: Summary[]; newest: (Summary & { upgrade_sql: string }) | undefined }> {
  const stored: Summary[] = []
  let newest: (Summary & { upgrade_sql: string }) | undefined
  for (const version of await readVersions(directory)) {
    const body = {
      version_id: version.versionId,
      dialect: version.dialect,
      description: version.description,
      upgrade_sql: version.upgradeSql,
      downgrade_sql: version.downgradeSql,
      source: version.source ?? undefined,
      source_revision: version.sourceRevision ?? undefined,
    }
    const summary = await api.call(api.at('versions.store'), { body })
    stored.push(summary)
    newest = { ...summary, upgrade_sql: version.upgradeSql }
  }
  return { stored, newest }
}

/** @returns the directories written. */
export async function exportVersions(
  api: Api,
  directory: string,
  chosen: readonly string[],
): Promise<string[]> {
  const ids =
    chosen.length > 0
      ? chosen
      : (await gather(0, (query) => api.call(api.at('versions.list'), { query }))).rows.map(
          (row) => row.version_id,
        )
  const written: string[] = []
  for (const id of ids.toSorted()) {
    const version = await api.call(api.at('versions.get'), { params: { version_id: id } })
    written.push(
      await writeVersion(directory, {
        versionId: version.version_id,
        dialect: version.dialect === 'postgres' ? undefined : version.dialect,
        description: version.description,
        upgradeSql: version.upgrade_sql,
        downgradeSql: version.downgrade_sql,
        checksum: version.checksum,
        source: version.source,
        sourceRevision: version.source_revision,
        createdAt: version.created_at,
      }),
    )
  }
  return written
}

export function printVersion(cli: Cli, version: Answer<'versions.get'>, view: View<Summary>): void {
  cli.output.show(version, view)
  const part = (title: string, sql: string): string => `\n-- ${title}\n${sql.trimEnd()}`
  cli.output.print(part('upgrade', version.upgrade_sql))
  cli.output.print(
    version.downgrade_sql === null ? '\n-- no downgrade' : part('downgrade', version.downgrade_sql),
  )
}

export function endingInNewline(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

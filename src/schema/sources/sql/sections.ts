/** Files that are cut into parts by marker comments: dbmate's `-- migrate:up`, goose's `-- +goose Up`. */
import { sourceInvalid, type SourceVersion } from '../source.ts'
import { downgradeOrNull, hasStatements, type SqlFile, withoutTransaction } from './layout.ts'

export interface Section {
  readonly direction: 'up' | 'down'
  /** 1-based line of the marker. */
  readonly line: number
  readonly transaction: boolean
  /** What follows the marker. */
  readonly sql: string
}

/** The upgrade and downgrade of a file that has one part of each, or of an up alone. */
export function versionOfSections(
  file: SqlFile,
  about: Pick<SourceVersion, 'revision' | 'description'>,
  up: Section,
  down: Section | undefined,
): SourceVersion {
  const downgradeSql = down === undefined ? null : downgradeOrNull(textOf(down), up.sql)
  return {
    ...about,
    upgradeSql: textOf(up),
    downgradeSql,
    upgradeAt: { file: file.name, line: firstLine(up) },
    ...(down === undefined ? {} : { downgradeAt: { file: file.name, line: firstLine(down) } }),
  }
}

function textOf(section: Section): string {
  return section.transaction ? section.sql : withoutTransaction(section.sql)
}

/** The directive takes the place of the marker. */
function firstLine(section: Section): number {
  return section.transaction ? section.line + 1 : section.line
}

/** @throws TenantryError `source_invalid` when SQL stands before the first marker, where it would never run */
export function expectNothingBefore(file: SqlFile, head: string, marker: string): void {
  if (!hasStatements(head)) return
  throw sourceInvalid(`${file.name} has SQL before its ${marker}`, `Move it below the ${marker}.`)
}

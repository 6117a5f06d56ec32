/** Layouts with a file for the way up and another for the way down. */
import { sourceInvalid, type SourceVersion } from '../source.ts'
import {
  compareNumbers,
  describe,
  downgradeOrNull,
  expectUnique,
  normalNumber,
  type SqlFile,
} from './layout.ts'

export interface NamedFile {
  readonly file: SqlFile
  /** Digits, as written. */
  readonly number: string
  readonly title: string
  readonly direction: 'up' | 'down'
}

const keyOf = ({ number }: NamedFile): string => normalNumber(number)
const nameOf = ({ file }: NamedFile): string => file.name

/** The versions, in order of their numbers; `upNameOf` says how the missing partner of a way down would be called. */
export function pairs(files: readonly NamedFile[], upNameOf: (down: NamedFile) => string): SourceVersion[] {
  const ups = files.filter(({ direction }) => direction === 'up')
  const downs = files.filter(({ direction }) => direction === 'down')
  expectUnique(ups, keyOf, nameOf)
  expectUnique(downs, keyOf, nameOf)
  const byKey = new Map(downs.map((down) => [keyOf(down), down]))
  const versions = ups
    .toSorted((a, b) => compareNumbers(a.number, b.number))
    .map((up) => versionOf(up, byKey.get(keyOf(up))))
  const known = new Set(ups.map(keyOf))
  const stray = downs.find((down) => !known.has(keyOf(down)))
  if (stray !== undefined) {
    throw sourceInvalid(
      `${nameOf(stray)} undoes what is not there`,
      `Add ${upNameOf(stray)}, or remove the file.`,
    )
  }
  return versions
}

function versionOf(up: NamedFile, down: NamedFile | undefined): SourceVersion {
  return {
    revision: up.number,
    description: describe(up.title),
    upgradeSql: up.file.text,
    downgradeSql: downgradeOrNull(down?.file.text ?? null, up.file.text),
    upgradeAt: { file: nameOf(up), line: 1 },
    ...(down === undefined ? {} : { downgradeAt: { file: nameOf(down), line: 1 } }),
  }
}

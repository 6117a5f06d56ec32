/**
 * Flyway: `V1_1__name.sql` and, to undo it, `U1_1__name.sql`, in sub-folders too. Order of the version numbers.
 * `V1_1__name.sql.conf` with `executeInTransaction=false` is followed.
 *
 * Refused, because following them half would be worse: repeatable migrations (R__) have no place in an order, a
 * baseline (B1__) stands for versions that are somewhere else, placeholders need values from Flyway's configuration.
 */
import { basename } from 'node:path'
import { crc32 } from 'node:zlib'
import { lineAt } from '../../sql-lexer.ts'
import { sourceInvalid, type SourceVersion } from '../source.ts'
import {
  compareNumbers,
  describe,
  downgradeOrNull,
  expectUnique,
  type Layout,
  matchName,
  normalNumber,
  type SqlFile,
  withoutTransaction,
} from './layout.ts'

const NAME = /^([VU])(\d+(?:[._]\d+)*)__(.*)\.sql$/s

interface FlywayFile {
  readonly file: SqlFile
  readonly prefix: string
  /** As Flyway shows it: 1.1 */
  readonly version: string
  readonly description: string
  readonly settings: ReadonlyMap<string, string>
}

export const flyway: Layout = {
  name: 'Flyway',
  looks: 'V1_1__name.sql',
  read(files) {
    const scripts = new Map(
      files.filter(({ name }) => name.endsWith('.conf')).map((file) => [file.name, file.text]),
    )
    const parsed = files
      .filter(({ name }) => name.endsWith('.sql'))
      .map((file) => parse(file, scripts.get(`${file.name}.conf`)))
    const [ups, undos] = ['V', 'U'].map((prefix) => parsed.filter((entry) => entry.prefix === prefix)) as [
      FlywayFile[],
      FlywayFile[],
    ]
    for (const list of [ups, undos]) expectUnique(list, keyOf, ({ file }) => file.name)
    const undoOf = new Map(undos.map((undo) => [keyOf(undo), undo]))
    const known = new Set(ups.map(keyOf))
    const stray = undos.find((undo) => !known.has(keyOf(undo)))
    if (stray !== undefined) {
      throw sourceInvalid(
        `${stray.file.name} undoes version ${stray.version}, which is not there`,
        `Add V${stray.version}__….sql, or remove the file.`,
      )
    }
    return ups
      .toSorted((a, b) => compareNumbers(a.version, b.version))
      .map((up) => versionOf(up, undoOf.get(keyOf(up))))
  },
}

export function isFlywayName(path: string): boolean {
  return /^(?:[VUB]\d|R__).*\.sql$/s.test(basename(path))
}

/** Flyway takes 1, 1.0 and 1.0.0 for the same version. */
function keyOf({ version }: FlywayFile): string {
  return normalNumber(version).replace(/(?:\.0)+$/, '')
}

function parse(file: SqlFile, settings: string | undefined): FlywayFile {
  refuseUnordered(file)
  const [, prefix = '', number = '', name = ''] = matchName(file, basename(file.name), NAME, flyway)
  const parsed = {
    file,
    prefix,
    version: number.replaceAll('_', '.'),
    description: describe(name),
    settings: parseSettings(file, settings ?? ''),
  }
  if (parsed.settings.get('placeholderReplacement') !== 'false') refusePlaceholders(file)
  return parsed
}

function refuseUnordered(file: SqlFile): void {
  const name = basename(file.name)
  if (name.startsWith('R__')) {
    throw sourceInvalid(
      `${file.name} is a repeatable migration, which has no place in an order of versions`,
      'Put what it does into a new V file each time it changes, and the R file elsewhere.',
    )
  }
  if (name.startsWith('B')) {
    throw sourceInvalid(
      `${file.name} is a baseline: it stands for versions before it, and cannot be applied after them`,
      'Name a folder without it: one that has the V files from the first on.',
    )
  }
}

const FOLLOWED = new Set(['executeInTransaction', 'placeholderReplacement', 'encoding'])

function parseSettings(file: SqlFile, text: string): Map<string, string> {
  const settings = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const [, name, value] = /^\s*([\w.]+)\s*[=:]\s*(.*?)\s*$/.exec(line) ?? []
    if (name === undefined || value === undefined) continue
    const isUtf8 = name !== 'encoding' || /^utf-?8$/i.test(value)
    if (!FOLLOWED.has(name) || !isUtf8) {
      throw sourceInvalid(
        `${file.name}.conf sets ${name}=${value}, which is not followed here`,
        'Followed are executeInTransaction, placeholderReplacement and encoding=UTF-8.',
      )
    }
    settings.set(name, value)
  }
  return settings
}

function refusePlaceholders({ name, text }: SqlFile): void {
  const match = /\$\{[^}\n]*\}/.exec(text)
  if (match === null) return
  throw sourceInvalid(
    `${name}, line ${lineAt(text, match.index)}: the placeholder ${match[0]} has no value here`,
    `Write the value into the file, or put placeholderReplacement=false into ${name}.conf if it is meant as it stands.`,
  )
}

function versionOf(up: FlywayFile, undo: FlywayFile | undefined): SourceVersion {
  return {
    revision: up.version,
    description: up.description,
    upgradeSql: textOf(up),
    downgradeSql: undo === undefined ? null : downgradeOrNull(textOf(undo), up.file.text),
    upgradeAt: placeOf(up),
    native: { checksums: [checksumOf(up.file.text)] },
    ...(undo === undefined ? {} : { downgradeAt: placeOf(undo) }),
  }
}

function runsInTransaction({ settings }: FlywayFile): boolean {
  return settings.get('executeInTransaction') !== 'false'
}

function textOf(entry: FlywayFile): string {
  return runsInTransaction(entry) ? entry.file.text : withoutTransaction(entry.file.text)
}

/** The directive adds a line above the file's first. */
function placeOf(entry: FlywayFile): { file: string; line: number } {
  return { file: entry.file.name, line: runsInTransaction(entry) ? 1 : 0 }
}

/** CRC32 over the lines without their ends, as a signed number of 32 bits. */
function checksumOf(text: string): string {
  const lines = text.split(/\r\n|\r|\n/)
  return String(lines.reduce((sum, line) => crc32(line, sum), 0) | 0)
}

/**
 * dbmate: `20260112143000_name.sql` with `-- migrate:up [transaction:false]` and `-- migrate:down`. Order of the file
 * names as text, as dbmate has it. A file may hold several pairs: they run in order, and are undone in reverse.
 */
import { joinPieces } from '../pieces.ts'
import { locating, sourceInvalid, type SourceVersion } from '../source.ts'
import { describe, expectUnique, type Layout, type SqlFile } from './layout.ts'
import { expectNothingBefore, type Section, versionOfSections } from './sections.ts'

const MARKER = /^--\s*migrate:(up|down)\b(.*)$/

export const dbmate: Layout = {
  name: 'dbmate',
  looks: '20260112143000_name.sql with a line `-- migrate:up`',
  read(files) {
    const versions = files.map(readFile)
    expectUnique(
      files,
      (file) => revisionOf(file.name),
      ({ name }) => name,
    )
    return versions
  },
}

export function isDbmate(text: string): boolean {
  return text.split(/\r?\n/).some((line) => MARKER.test(line))
}

function revisionOf(name: string): string {
  return /^\d+/.exec(name)?.[0] ?? name
}

function readFile(file: SqlFile): SourceVersion {
  const { head, sections } = cut(file)
  expectNothingBefore(file, head, '`-- migrate:up`')
  const about = {
    revision: revisionOf(file.name),
    description: describe(file.name.replace(/^\d+/, '').replace(/\.sql$/, '')),
  }
  const [up, down, ...more] = sections
  if (up?.direction !== 'up') {
    throw sourceInvalid(
      `${file.name} begins with \`-- migrate:down\``,
      'Put `-- migrate:up` and what it does before `-- migrate:down`.',
    )
  }
  if (down === undefined || (down.direction === 'down' && more.length === 0)) {
    return versionOfSections(file, about, up, down)
  }
  return locating(file.name, () => severalPairs(file, about, sections))
}

/** Pieces of several pairs, each with its own transaction or none. */
function severalPairs(
  file: SqlFile,
  about: Pick<SourceVersion, 'revision' | 'description'>,
  sections: readonly Section[],
): SourceVersion {
  const pairs: SourceVersion[] = []
  for (const [index, section] of sections.entries()) {
    if (section.direction === 'down') continue
    const next = sections[index + 1]
    pairs.push(versionOfSections(file, about, section, next?.direction === 'down' ? next : undefined))
  }
  const stray = sections.find(
    ({ direction }, at) => direction === 'down' && sections[at - 1]?.direction === 'down',
  )
  if (stray !== undefined) {
    throw sourceInvalid(
      `${file.name} has two \`-- migrate:down\` in a row, at line ${stray.line}`,
      'Join them.',
    )
  }
  const downs = pairs.map(({ downgradeSql }) => downgradeSql).filter((sql) => sql !== null)
  return {
    ...about,
    upgradeSql: joinPieces(pairs.map(({ upgradeSql }) => ({ sql: upgradeSql }))),
    downgradeSql:
      downs.length === pairs.length ? joinPieces(downs.toReversed().map((sql) => ({ sql }))) : null,
  }
}

function cut(file: SqlFile): { head: string; sections: Section[] } {
  const lines = file.text.split('\n')
  const marks: { line: number; match: RegExpExecArray }[] = []
  for (const [index, line] of lines.entries()) {
    const match = MARKER.exec(line.trimEnd())
    if (match !== null) marks.push({ line: index + 1, match })
  }
  const sections = marks.map(({ line, match }, index): Section => {
    const options = readOptions(file, line, match[2] ?? '')
    const sql = lines.slice(line, (marks[index + 1]?.line ?? lines.length + 1) - 1).join('\n')
    return { direction: match[1] === 'up' ? 'up' : 'down', line, transaction: options, sql }
  })
  return { head: lines.slice(0, (marks[0]?.line ?? 1) - 1).join('\n'), sections }
}

/** Whether the part runs in a transaction. */
function readOptions(file: SqlFile, line: number, text: string): boolean {
  let transaction = true
  for (const option of text.split(/\s+/).filter((part) => part !== '')) {
    const match = /^transaction:(true|false)$/.exec(option)
    if (match === null) {
      throw sourceInvalid(
        `${file.name}, line ${line}: ${JSON.stringify(option)} is not an option of dbmate that is known here`,
        'Known is transaction:false.',
      )
    }
    transaction = match[1] === 'true'
  }
  return transaction
}

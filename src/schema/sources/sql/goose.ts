/**
 * goose: `00001_name.sql` with `-- +goose Up`, `-- +goose Down`, `-- +goose NO TRANSACTION` and, around statements
 * with semicolons inside, `-- +goose StatementBegin` and `-- +goose StatementEnd`. Order of the numbers.
 */
import { sourceInvalid, type SourceVersion } from '../source.ts'
import {
  compareNumbers,
  describe,
  expectUnique,
  type Layout,
  matchName,
  normalNumber,
  type SqlFile,
} from './layout.ts'
import { expectNothingBefore, type Section, versionOfSections } from './sections.ts'

const ANNOTATION = /^--\s*\+goose\s+(.+?)\s*$/i
const NAME = /^(\d+)_(.*)\.sql$/s

export const goose: Layout = {
  name: 'goose',
  looks: '00001_name.sql with a line `-- +goose Up`',
  read(files) {
    const numbered = files.map((file) => ({ file, number: numberOf(file) }))
    expectUnique(
      numbered,
      ({ number }) => normalNumber(number),
      ({ file }) => file.name,
    )
    return numbered.toSorted((a, b) => compareNumbers(a.number, b.number)).map(({ file }) => readFile(file))
  },
}

export function isGoose(text: string): boolean {
  return text.split(/\r?\n/).some((line) => ANNOTATION.test(line))
}

function numberOf(file: SqlFile): string {
  return matchName(file, file.name, NAME, goose)[1] ?? ''
}

/** The parts of a file while it is read, line by line. */
interface Reading {
  head: string[]
  parts: { direction: 'up' | 'down'; line: number; lines: string[] }[]
  transaction: boolean
  /** The line of the StatementBegin that is open. */
  statement: number | undefined
}

function readFile(file: SqlFile): SourceVersion {
  const reading: Reading = { head: [], parts: [], transaction: true, statement: undefined }
  for (const [index, line] of file.text.split('\n').entries()) {
    const annotation = ANNOTATION.exec(line)?.[1]
    const kept = annotation === undefined ? line : annotate(file, reading, annotation, index + 1)
    if (kept !== undefined) (reading.parts.at(-1)?.lines ?? reading.head).push(kept)
  }
  if (reading.statement !== undefined) {
    throw wrong(file, reading.statement, 'StatementBegin is never followed by StatementEnd')
  }
  expectNothingBefore(file, reading.head.join('\n'), '`-- +goose Up`')
  const [up, down] = reading.parts.map((part): Section => ({
    direction: part.direction,
    line: part.line,
    transaction: reading.transaction,
    sql: part.lines.join('\n'),
  }))
  if (up === undefined) throw sourceInvalid(`${file.name} has no \`-- +goose Up\``, 'Add it above the SQL.')
  const [, number = '', name = ''] = matchName(file, file.name, NAME, goose)
  return versionOfSections(file, { revision: number, description: describe(name) }, up, down)
}

/** Takes in an annotation; the line that stands for it in the SQL, undefined when a part begins with it. */
function annotate(file: SqlFile, reading: Reading, annotation: string, line: number): string | undefined {
  switch (annotation.toUpperCase().replaceAll(/\s+/g, ' ')) {
    case 'UP':
      if (reading.parts.length > 0)
        throw wrong(file, line, 'there is more than one Up, or Down stands before it')
      reading.parts.push({ direction: 'up', line, lines: [] })
      return undefined
    case 'DOWN':
      if (reading.parts.length !== 1)
        throw wrong(file, line, 'there is no Up before this Down, or another Down')
      reading.parts.push({ direction: 'down', line, lines: [] })
      return undefined
    case 'NO TRANSACTION':
      reading.transaction = false
      return ''
    case 'STATEMENTBEGIN':
      if (reading.statement !== undefined) throw wrong(file, line, 'StatementBegin inside of another')
      reading.statement = line
      return ''
    case 'STATEMENTEND':
      if (reading.statement === undefined) throw wrong(file, line, 'StatementEnd without a StatementBegin')
      reading.statement = undefined
      // goose ends the statement here, semicolon or not.
      return ';'
    case 'ENVSUB OFF':
      return ''
    default:
      throw wrong(file, line, `\`+goose ${annotation}\` cannot be followed here`)
  }
}

function wrong(file: SqlFile, line: number, fault: string): Error {
  return sourceInvalid(
    `${file.name}, line ${line}: ${fault}`,
    'Known are Up, Down, StatementBegin, StatementEnd and NO TRANSACTION; values from the environment are not filled in.',
  )
}

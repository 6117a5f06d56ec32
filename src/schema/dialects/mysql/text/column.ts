/** One column of SHOW CREATE TABLE, as properties and back. */
import type { Properties } from '../../../snapshot/snapshot.ts'
import { mysqlIdent } from '../../../../engine/mysql-sql.ts'
import { afterBracket, textOf, type Token } from './tokens.ts'

/** What a column is; what is left out does not hold. */
export interface Column {
  /** With its attributes: `int(10) unsigned`, `enum('a','b')`. */
  readonly type: string
  readonly charset?: string
  readonly collation?: string
  /** Of MySQL: it shows both although they may be those of the table, for somebody has given them to the column. */
  readonly explicit?: boolean
  readonly nullable: boolean
  /** As it stands after DEFAULT; left out: none, not even NULL. */
  readonly default?: string
  readonly onUpdate?: string
  /** The expression in its brackets, or `ROW START`, `ROW END`. */
  readonly generated?: string
  readonly stored?: boolean
  readonly autoIncrement?: boolean
  readonly invisible?: boolean
  /** A quoted string. */
  readonly comment?: string
  /** The expression in its brackets. */
  readonly check?: string
  /** `WITHOUT SYSTEM VERSIONING`, `SRID 4326`, options of the engine: as they stand. */
  readonly options?: string
}

const CLAUSES = [
  'CHARACTER',
  'COLLATE',
  'GENERATED',
  'NOT',
  'NULL',
  'DEFAULT',
  'ON',
  'AUTO_INCREMENT',
  'COMMENT',
  'CHECK',
  'INVISIBLE',
  'WITH',
  'WITHOUT',
  'SRID',
  'REF_SYSTEM_ID',
  'COLUMN_FORMAT',
  'STORAGE',
  'ENGINE_ATTRIBUTE',
  'SECONDARY_ENGINE_ATTRIBUTE',
  'VIRTUAL',
  'STORED',
  'PERSISTENT',
  'VISIBLE',
]

type Draft = { -readonly [Key in keyof Column]?: Column[Key] }

/** @param tokens those after the column's name */
export function columnOf(tokens: readonly Token[]): Column {
  const draft: Draft = { nullable: true }
  let at = clauseEnd(tokens, 0)
  draft.type = textOf(tokens.slice(0, at))
  while (at < tokens.length) {
    const end = clauseEnd(tokens, at)
    addClause(draft, tokens.slice(at, end))
    at = end
  }
  return draft as Column
}

/** Where the clause that begins at `start` ends: at the next keyword outside of brackets; its own value is skipped. */
function clauseEnd(tokens: readonly Token[], start: number): number {
  let at = start + (start === 0 ? 1 : valueOffset(tokens, start))
  while (at < tokens.length && !beginsClause(tokens, at)) {
    at = tokens[at]?.text === '(' ? afterBracket(tokens, at) : at + 1
  }
  return Math.min(at, tokens.length)
}

/** Words that belong to a clause although they look like the beginning of one: `NOT NULL`, `DEFAULT NULL`. */
function valueOffset(tokens: readonly Token[], start: number): number {
  const word = upper(tokens[start])
  if (['NOT', 'DEFAULT', 'CHARACTER', 'COLLATE', 'COMMENT', 'ON', 'STORAGE'].includes(word)) {
    return tokens[start + 1]?.text === '(' ? 1 : 2
  }
  return 1
}

function beginsClause(tokens: readonly Token[], at: number): boolean {
  const token = tokens[at] as Token
  if (token.kind === 'name') return tokens[at + 1]?.text === '='
  return token.kind === 'word' && CLAUSES.includes(token.text.toUpperCase())
}

function upper(token: Token | undefined): string {
  return token?.kind === 'word' ? token.text.toUpperCase() : ''
}

function addClause(draft: Draft, clause: readonly Token[]): void {
  const value = textOf(clause.slice(1))
  switch (upper(clause[0])) {
    case 'CHARACTER':
      draft.charset = textOf(clause.slice(2))
      break
    case 'COLLATE':
      draft.collation = value
      break
    case 'GENERATED':
      draft.generated = textOf(clause.slice(3))
      break
    case 'STORED':
    case 'PERSISTENT':
      draft.stored = true
      break
    case 'VIRTUAL':
    case 'VISIBLE':
    case 'NULL':
      break
    case 'NOT':
      draft.nullable = false
      break
    case 'DEFAULT':
      draft.default = value
      break
    case 'ON':
      draft.onUpdate = textOf(clause.slice(2))
      break
    case 'AUTO_INCREMENT':
      draft.autoIncrement = true
      break
    case 'COMMENT':
      draft.comment = value
      break
    case 'CHECK':
      draft.check = value
      break
    case 'INVISIBLE':
      draft.invisible = true
      break
    default:
      draft.options = [draft.options, textOf(clause)].filter(Boolean).join(' ')
  }
}

/**
 * The column as it stands in CREATE TABLE, and after ADD or MODIFY COLUMN.
 * @param inherits leaves out the character set: the table's is taken
 */
export function columnText(name: string, properties: Properties, inherits: boolean): string {
  const column = properties as unknown as Column
  const { generated } = column
  const parts = [mysqlIdent(name), column.type, ...(inherits ? [] : charsetText(column))]
  if (generated !== undefined) {
    parts.push(`GENERATED ALWAYS AS ${generated}`)
    if (!/^ROW /i.test(generated)) parts.push(column.stored === true ? 'STORED' : 'VIRTUAL')
  }
  if (!column.nullable) parts.push('NOT NULL')
  else if (generated === undefined) parts.push('NULL')
  if (column.invisible === true) parts.push('INVISIBLE')
  if (column.default !== undefined) parts.push(`DEFAULT ${column.default}`)
  if (column.onUpdate !== undefined) parts.push(`ON UPDATE ${column.onUpdate}`)
  if (column.autoIncrement === true) parts.push('AUTO_INCREMENT')
  if (column.comment !== undefined) parts.push(`COMMENT ${column.comment}`)
  if (column.options !== undefined) parts.push(column.options)
  if (column.check !== undefined) parts.push(`CHECK ${column.check}`)
  return parts.join(' ')
}

function charsetText({ charset, collation }: Column): string[] {
  return [
    ...(charset === undefined ? [] : [`CHARACTER SET ${charset}`]),
    ...(collation === undefined ? [] : [`COLLATE ${collation}`]),
  ]
}

/** Types of which MySQL never shows that they have no default but NULL, unlike MariaDB. */
const SILENT = /^(?:tiny|medium|long)?(?:text|blob)\b/i

/** A column that may be null and has no default at all, which only ALTER … DROP DEFAULT makes. */
export function hasNoDefault(properties: Properties, mariaDb: boolean): boolean {
  const column = properties as unknown as Column
  return (
    column.nullable &&
    column.default === undefined &&
    column.generated === undefined &&
    column.autoIncrement !== true &&
    (mariaDb || !SILENT.test(column.type))
  )
}

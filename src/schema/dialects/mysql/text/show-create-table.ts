/** What SHOW CREATE TABLE says, cut into columns, keys, constraints, options and partitions. */
import { columnOf, type Column } from './column.ts'
import { afterBracket, itemsIn, textOf, tokensOf, unquoted, unwrapped, type Token } from './tokens.ts'

export interface Index {
  readonly index: 'primary' | 'unique' | 'plain' | 'fulltext' | 'spatial' | 'vector'
  /** Each as it stands: name, length, direction; or an expression in its brackets. */
  readonly columns: readonly string[]
  /** `USING HASH COMMENT 'x' IGNORED`, as it stands. */
  readonly options?: string
}

export interface ForeignKey {
  readonly columns: readonly string[]
  /** The other database, where it is one. */
  readonly database?: string
  readonly references: string
  readonly referencedColumns: readonly string[]
  /** `ON DELETE CASCADE ON UPDATE SET NULL`, as it stands. */
  readonly actions?: string
}

export interface Partitioning {
  /** `RANGE (`y`) SUBPARTITION BY HASH (`id`) SUBPARTITIONS 2`. */
  readonly by: string
  /** Number of them where they have no names of their own. */
  readonly count?: number
  /** `PARTITION `p` VALUES LESS THAN (10) ENGINE = InnoDB`. */
  readonly partitions?: readonly string[]
}

export interface TableText {
  readonly columns: ReadonlyMap<string, Column>
  readonly indexes: ReadonlyMap<string, Index>
  readonly checks: ReadonlyMap<string, string>
  readonly foreignKeys: ReadonlyMap<string, ForeignKey>
  readonly periods: readonly string[]
  /** By name in upper case, as they stand after the equals sign; AUTO_INCREMENT left out, for it is no schema. */
  readonly options: Readonly<Record<string, string>>
  readonly versioned: boolean
  readonly partitioning: Partitioning | undefined
  /** Items that are none of these. */
  readonly unknown: readonly string[]
}

interface Draft {
  readonly columns: Map<string, Column>
  readonly indexes: Map<string, Index>
  readonly checks: Map<string, string>
  readonly foreignKeys: Map<string, ForeignKey>
  readonly periods: string[]
  readonly unknown: string[]
}

export function parseTable(showCreate: string): TableText {
  const tokens = tokensOf(unwrapped(showCreate))
  const open = tokens.findIndex((token) => token.text === '(')
  const draft: Draft = {
    columns: new Map(),
    indexes: new Map(),
    checks: new Map(),
    foreignKeys: new Map(),
    periods: [],
    unknown: [],
  }
  for (const item of itemsIn(tokens, open)) addItem(draft, item)
  const tail = tokens.slice(afterBracket(tokens, open))
  const partitionAt = tail.findIndex((token, at) => isWord(token, 'PARTITION') && isWord(tail[at + 1], 'BY'))
  const head = partitionAt === -1 ? tail : tail.slice(0, partitionAt)
  return {
    ...draft,
    ...optionsOf(head),
    partitioning: partitionAt === -1 ? undefined : partitioningOf(tail.slice(partitionAt + 2)),
  }
}

function isWord(token: Token | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text.toUpperCase() === word
}

function addItem(draft: Draft, item: readonly Token[]): void {
  const [first, second] = item as [Token, Token | undefined]
  if (first.kind === 'name') draft.columns.set(unquoted(first.text), columnOf(item.slice(1)))
  else if (isWord(first, 'PERIOD')) draft.periods.push(textOf(item.slice(2)))
  else if (isWord(first, 'CONSTRAINT') && second !== undefined) addConstraint(draft, second, item.slice(2))
  else if (!addIndex(draft, item)) draft.unknown.push(textOf(item))
}

function addConstraint(draft: Draft, name: Token, rest: readonly Token[]): void {
  if (isWord(rest[0], 'CHECK')) draft.checks.set(unquoted(name.text), textOf(rest))
  else if (isWord(rest[0], 'FOREIGN')) draft.foreignKeys.set(unquoted(name.text), foreignKeyOf(rest))
  else draft.unknown.push(textOf([name, ...rest]))
}

function foreignKeyOf(tokens: readonly Token[]): ForeignKey {
  const own = itemsIn(tokens, 2)
  let at = afterBracket(tokens, 2) + 1
  const database = tokens[at + 1]?.text === '.' ? unquoted(tokens[at]?.text ?? '') : undefined
  if (database !== undefined) at += 2
  const references = unquoted(tokens[at]?.text ?? '')
  const end = afterBracket(tokens, at + 1)
  const actions = textOf(tokens.slice(end))
  const names = (items: readonly Token[][]): string[] => items.map(([name]) => unquoted(name?.text ?? ''))
  return {
    columns: names(own),
    ...(database === undefined ? {} : { database }),
    references,
    referencedColumns: names(itemsIn(tokens, at + 1)),
    ...(actions === '' ? {} : { actions }),
  }
}

const INDEX_KINDS: Readonly<Record<string, Index['index']>> = {
  PRIMARY: 'primary',
  UNIQUE: 'unique',
  FULLTEXT: 'fulltext',
  SPATIAL: 'spatial',
  VECTOR: 'vector',
  KEY: 'plain',
}

function addIndex(draft: Draft, item: readonly Token[]): boolean {
  const kind = INDEX_KINDS[item[0]?.text.toUpperCase() ?? '']
  const open = item.findIndex((token) => token.text === '(')
  if (kind === undefined || open === -1) return false
  const name = item.slice(0, open).find((token) => token.kind === 'name')
  const options = textOf(item.slice(afterBracket(item, open)))
  draft.indexes.set(name === undefined ? 'PRIMARY' : unquoted(name.text), {
    index: kind,
    columns: itemsIn(item, open).map((part) => textOf(part)),
    ...(options === '' ? {} : { options }),
  })
  return true
}

function optionsOf(tokens: readonly Token[]): Pick<TableText, 'options' | 'versioned'> {
  const options: Record<string, string> = {}
  let versioned = false
  let words: string[] = []
  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at] as Token
    if (token.text === '=') {
      const bracket = tokens[at + 1]?.text === '('
      const end = bracket ? afterBracket(tokens, at + 1) : at + 2
      const name = words.join(' ')
      if (name !== 'AUTO_INCREMENT') options[name] = textOf(tokens.slice(at + 1, end))
      words = []
      at = end - 1
    } else {
      words.push(token.kind === 'name' ? token.text : token.text.toUpperCase())
      if (words.join(' ') === 'WITH SYSTEM VERSIONING') {
        versioned = true
        words = []
      }
    }
  }
  return { options, versioned }
}

function partitioningOf(tokens: readonly Token[]): Partitioning {
  const list = tokens.findIndex((token, at) => token.text === '(' && isWord(tokens[at + 1], 'PARTITION'))
  const head = list === -1 ? tokens : tokens.slice(0, list)
  const partitions = list === -1 ? [] : itemsIn(tokens, list).map((item) => textOf(item))
  const countAt = head.findIndex((token) => isWord(token, 'PARTITIONS'))
  return {
    by: textOf(countAt === -1 ? head : [...head.slice(0, countAt), ...head.slice(countAt + 2)]),
    ...(countAt === -1 ? {} : { count: Number(head[countAt + 1]?.text) }),
    ...(partitions.length === 0 ? {} : { partitions }),
  }
}

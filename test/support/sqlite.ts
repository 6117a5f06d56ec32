/** SQLite files for tests, driven by Debian's sqlite3 program, and a judge of equality that knows nothing of src/. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { onTestFinished } from 'vitest'
import { programPath } from './programs.ts'

/** A folder for this test, removed after it. */
export function sqliteFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), `tenantry-test-${process.pid}-sqlite-`))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Runs a script as `sqlite3 file < script` does; throws with what it wrote to standard error. */
export function sqlite3(file: string, script: string): string {
  return execFileSync(programPath('sqlite3'), ['-batch', file], {
    input: script,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    maxBuffer: 64 * 2 ** 20,
  })
}

/** An empty file with these statements run in it. */
export function sqliteFile(file: string, script: string): string {
  writeFileSync(file, '')
  sqlite3(file, `.bail on\n${script}\n;`)
  return file
}

const TOKEN =
  /--[^\n]*|\/\*[^]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\p{L}\p{N}_$]+|[^\s]/gu

/** The statement without space, comments, quotes of names, and capitals outside of strings. */
function plainTokens(sql: string): string[] {
  return (sql.match(TOKEN) ?? [])
    .filter((token) => !token.startsWith('--') && !token.startsWith('/*'))
    .map((token) => (token.startsWith("'") ? token : token.replaceAll(/^["`[]|["`\]]$/g, '').toLowerCase()))
}

function groupsAfter(tokens: readonly string[], word: string): string[] {
  return tokens.flatMap((token, at) => {
    if (token !== word || tokens[at + 1] !== '(') return []
    let depth = 0
    const end = tokens.findIndex((other, index) => {
      if (index <= at) return false
      depth += other === '(' ? 1 : other === ')' ? -1 : 0
      return depth === 0
    })
    return [tokens.slice(at + 1, end + 1).join(' ')]
  })
}

type Row = Record<string, unknown>

/** Everything that makes a schema, one text each: from PRAGMAs, and from the statements where these say nothing. */
export function sqliteFacts(file: string): string[] {
  const database = new DatabaseSync(file, { enableDoubleQuotedStringLiterals: true })
  try {
    const all = (sql: string, ...values: string[]): Row[] => database.prepare(sql).all(...values)
    const entries = all(
      `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' AND name NOT IN
       (SELECT name FROM pragma_table_list WHERE type = 'shadow')`,
    )
    return entries.flatMap((entry) => entryFacts(entry, all)).toSorted()
  } finally {
    database.close()
  }
}

function entryFacts(entry: Row, all: (sql: string, ...values: string[]) => Row[]): string[] {
  const name = entry['name'] as string
  const tokens = plainTokens(entry['sql'] as string)
  const fact = (...parts: unknown[]): string => JSON.stringify(parts)
  if (entry['type'] !== 'table' || tokens[1] === 'virtual') {
    const shown = tokens.filter((token) => !['if', 'exists'].includes(token)).join(' ')
    return [fact(entry['type'], name.toLowerCase(), shown)]
  }
  const table = name.toLowerCase()
  const columns = all('SELECT * FROM pragma_table_xinfo(?)', name).map((row) =>
    fact('column', table, row['name'], String(row['type']).toLowerCase(), row['notnull'], row['pk'], [
      row['hidden'],
      plainTokens((row['dflt_value'] as string | null) ?? '').join(' '),
    ]),
  )
  const keys = all(
    `SELECT l.name, l."unique", l.origin, l.partial, group_concat(ifnull(x.name, '') || x.desc || lower(x.coll)) AS terms
     FROM pragma_index_list(?) AS l, pragma_index_xinfo(l.name) AS x WHERE x."key" GROUP BY l.name`,
    name,
  ).map(({ name: index, ...rest }) => fact('key', table, rest['origin'] === 'c' ? index : '', rest))
  const references = all('SELECT * FROM pragma_foreign_key_list(?)', name).map(({ id: _id, ...rest }) =>
    fact('reference', table, rest),
  )
  const tail = tokens.slice(tokens.lastIndexOf(')') + 1).filter((token) => token !== ',')
  const said = ['check', 'as'].flatMap((word) =>
    groupsAfter(tokens, word).map((group) => fact(word, table, group)),
  )
  const collations = tokens.flatMap((token, at) =>
    token === 'collate' ? [fact(token, table, tokens[at + 1])] : [],
  )
  const counted = ['autoincrement', 'deferrable', 'deferred', 'replace', 'ignore', 'fail', 'rollback'].map(
    (word) => fact(word, table, tokens.filter((token) => token === word).length),
  )
  return [
    ...columns,
    ...keys,
    ...references,
    ...said,
    ...collations,
    ...counted,
    fact('tail', table, tail.toSorted()),
  ]
}

/** Rows of each ordinary table, by its name in lower case. */
export function rowCounts(file: string): Record<string, number> {
  const database = new DatabaseSync(file, { enableDoubleQuotedStringLiterals: true })
  try {
    const tables = database
      .prepare(
        `SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%'`,
      )
      .all() as { name: string }[]
    const counts = tables.map(({ name }) => {
      const row = database.prepare(`SELECT count(*) AS n FROM "${name.replaceAll('"', '""')}"`).get()
      return [name.toLowerCase(), row?.['n'] as number] as const
    })
    return Object.fromEntries(counts)
  } finally {
    database.close()
  }
}

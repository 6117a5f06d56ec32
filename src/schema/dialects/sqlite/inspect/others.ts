/** Indexes, views, triggers and virtual tables, as objects of a snapshot. */
import { objectId, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { canonicalText, fold, isSymbol, isWord, tokensOf, type Token } from '../text/tokens.ts'
import type { ColumnRow, Entry, KeyRow } from './catalogue.ts'
import { written } from './tables.ts'

/** What a statement may refer to. */
export interface Relations {
  /** Folded names of all tables and views, with the ids of their objects. */
  readonly ids: ReadonlyMap<string, string>
  /** Folded names of the columns of each table, by the table's folded name. */
  readonly columns: ReadonlyMap<string, ReadonlySet<string>>
  /** All of them, and the tables' own. */
  readonly names: ReadonlySet<string>
  /** Order of creation, by id. */
  readonly positions: ReadonlyMap<string, number>
}

export function indexObject(entry: Entry, keys: readonly KeyRow[], relations: Relations): SchemaObject {
  const table = fold(entry.tbl_name)
  const tokens = tokensOf(entry.sql)
  const on = tokens.findIndex((token) => isWord(token, 'on'))
  const names = relations.columns.get(table) ?? new Set()
  const mentioned = mentionedNames(tokens.slice(on + 2))
  return {
    kind: 'index',
    name: [fold(entry.name)],
    parent: relations.ids.get(table) ?? objectId('table', table),
    properties: {
      ...written(entry.name),
      unique: isWord(tokens[1], 'unique'),
      definition: canonicalText(tokens.slice(on + 2), names),
      collations: keys.map((key) => fold(key.coll)),
    },
    dependsOn: [...names]
      .filter((name) => mentioned.has(name))
      .map((name) => objectId('column', table, name))
      .toSorted(),
    facts: { position: entry.rowid, name: entry.name, sql: entry.sql },
  }
}

export function viewObject(entry: Entry, relations: Relations): SchemaObject {
  const tokens = tokensOf(entry.sql)
  const own = objectId('view', fold(entry.name))
  return {
    kind: 'view',
    name: [fold(entry.name)],
    parent: null,
    properties: {
      ...written(entry.name),
      definition: canonicalText(tokens.slice(3), relations.names, false),
    },
    dependsOn: relationsIn(tokens.slice(3), relations).filter(
      // Views may be created in any order; of two that name each other the later one is said to depend.
      (id) => id !== own && (!id.startsWith('view:') || (relations.positions.get(id) ?? 0) < entry.rowid),
    ),
    facts: { position: entry.rowid, name: entry.name, sql: entry.sql },
  }
}

export function triggerObject(entry: Entry, relations: Relations): SchemaObject {
  const tokens = tokensOf(entry.sql)
  const table = fold(entry.tbl_name)
  return {
    kind: 'trigger',
    name: [fold(entry.name)],
    parent: relations.ids.get(table) ?? objectId('table', table),
    properties: {
      ...written(entry.name),
      definition: canonicalText(tokens.slice(3), relations.names, false),
    },
    dependsOn: [],
    facts: { position: entry.rowid, name: entry.name, sql: entry.sql },
  }
}

export function virtualTableObject(
  entry: Entry,
  columns: readonly ColumnRow[],
  relations: Relations,
): SchemaObject {
  const tokens = tokensOf(entry.sql)
  const using = tokens.findIndex((token) => isWord(token, 'using'))
  // A table's name, empty for none at all; null where it keeps its own rows.
  const content = optionOf(tokens, 'content')
  const contentTable = content === null ? undefined : relations.ids.get(fold(content))
  return {
    kind: 'virtual_table',
    name: [fold(entry.name)],
    parent: null,
    properties: {
      module: fold(tokens[using + 1]?.text ?? ''),
      arguments: canonicalText(tokens.slice(using + 2), relations.names, false),
    },
    dependsOn: contentTable === undefined ? [] : [contentTable],
    facts: {
      position: entry.rowid,
      name: entry.name,
      sql: entry.sql,
      columns: columns.filter(({ hidden }) => hidden === 0).map(({ name }) => name),
      content,
      language: optionOf(tokens, 'languageid'),
      contentRowid: optionOf(tokens, 'content_rowid'),
    },
  }
}

/** The value of an argument `name = value`, which may be empty; null where there is none. */
function optionOf(tokens: readonly Token[], name: string): string | null {
  const at = tokens.findIndex((token, index) => isWord(token, name) && isSymbol(tokens[index + 1], '='))
  const value = at < 0 ? undefined : tokens[at + 2]
  if (value === undefined) return null
  return isSymbol(value, ',') || isSymbol(value, ')') ? '' : value.text
}

/** Everything in a statement that may be a name, folded. */
function mentionedNames(tokens: readonly Token[]): Set<string> {
  return new Set(
    tokens
      .filter(({ kind }) => kind === 'word' || kind === 'quoted' || kind === 'string')
      .map(({ text }) => fold(text)),
  )
}

function relationsIn(tokens: readonly Token[], relations: Relations): string[] {
  const ids = [...mentionedNames(tokens)].flatMap((name) => relations.ids.get(name) ?? [])
  return [...new Set(ids)].toSorted()
}

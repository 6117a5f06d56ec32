/** Comments, and what goes with an extension. */
import { ident, literal } from '../../../../../engine/sql.ts'
import type { Json } from '../../../../snapshot/canonical.ts'
import type { Annotation } from './annotation.ts'
import { wordsFor } from '../kind-words.ts'
import { quote } from '../names.ts'
import { domainNotNullName, notNullNameOn } from '../columns/not-null-text.ts'
import { tableOf } from '../tools.ts'

function commentOn(what: string, text: Json | undefined): string {
  return `COMMENT ON ${what} IS ${typeof text === 'string' ? literal(text).trim() : 'NULL'}`
}

/** While one of these is given a comment, its table or view is locked against other changes of its schema. */
const ON_RELATIONS = new Set([
  'table',
  'foreign_table',
  'column',
  'constraint',
  'index',
  'sequence',
  'view',
  'materialized_view',
  'view_column',
  'composite_type',
  'attribute',
  'trigger',
  'rule',
  'policy',
])

export const comment: Annotation = {
  property: 'comment',
  change: (object, from, to, _context, isNew) => {
    const words = wordsFor(object)
    // An extension brings a comment of its own.
    const none = to === undefined && from === undefined && !(isNew && object.kind === 'extension')
    if (words === undefined || none) return []
    return [
      {
        sql: commentOn(words, to),
        alters: [],
        lock: ON_RELATIONS.has(object.kind) ? 'share update exclusive' : null,
      },
    ]
  },
}

export const indexComment: Annotation = {
  property: 'indexComment',
  change: ({ name }, from, to) => {
    if (from === undefined && to === undefined) return []
    const index = quote([name[0] ?? '', name.at(-1) ?? ''])
    return [{ sql: commentOn(`INDEX ${index}`, to), alters: [], lock: 'share update exclusive' }]
  },
}

export const notNullComment: Annotation = {
  property: 'notNullComment',
  change: (object, from, to) => {
    if (object.properties['notNull'] !== true || (from === undefined && to === undefined)) return []
    const domain = object.kind === 'domain'
    const on = domain ? `DOMAIN ${quote(object.name)}` : tableOf(object)
    const name = ident(domain ? domainNotNullName(object) : notNullNameOn(object))
    return [
      {
        sql: commentOn(`CONSTRAINT ${name} ON ${on}`, to),
        alters: [],
        lock: domain ? null : 'share update exclusive',
      },
    ]
  },
}

export const goesWith: Annotation = {
  property: 'goesWith',
  change: (object, from, to) => {
    const words = wordsFor(object)
    if (words === undefined) return []
    const list = (value: Json | undefined): string[] => (Array.isArray(value) ? value.map(String) : [])
    const [before, after] = [list(from), list(to)]
    const link = (no: string, extension: string): string =>
      `ALTER ${words} ${no}DEPENDS ON EXTENSION ${ident(extension)}`
    return [
      ...before.filter((name) => !after.includes(name)).map((name) => link('NO ', name)),
      ...after.filter((name) => !before.includes(name)).map((name) => link('', name)),
    ].map((sql) => ({ sql, alters: [], lock: null }))
  },
}

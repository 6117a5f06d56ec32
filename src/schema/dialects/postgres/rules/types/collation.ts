/** Collations and conversions: nothing about them can be altered. */
import { literal } from '../../../../../engine/sql.ts'
import type { KindRule } from '../../../../plan/action.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import { quote } from '../names.ts'
import { brief } from '../tools.ts'
import { said } from '../../said.ts'

export const collationRule: KindRule = {
  create: (object) => [{ sql: collation(object), lock: null }],
  drop: (object) => [brief(`DROP COLLATION ${quote(object.name)}`)],
}

function collation({ name, properties }: SchemaObject): string {
  const { provider, locale, collate, characters, nondeterministic, rules } = properties
  const text = (value: unknown): string => literal(said(value)).trim()
  const options = [`provider = ${said(provider)}`]
  if (locale !== undefined) options.push(`locale = ${text(locale)}`)
  else if (collate === characters) options.push(`locale = ${text(collate)}`)
  else options.push(`lc_collate = ${text(collate)}`, `lc_ctype = ${text(characters)}`)
  if (nondeterministic === true) options.push('deterministic = false')
  if (rules !== undefined) options.push(`rules = ${text(rules)}`)
  return `CREATE COLLATION ${quote(name)} (${options.join(', ')})`
}

export const conversionRule: KindRule = {
  create: ({ name, properties }) => {
    const { default: isDefault, from, to, function: by } = properties
    const start = isDefault === true ? 'CREATE DEFAULT CONVERSION' : 'CREATE CONVERSION'
    const sql = `${start} ${quote(name)} FOR ${literal(said(from))} TO ${literal(said(to))} FROM ${said(by)}`
    return [{ sql, lock: null }]
  },
  drop: (object) => [brief(`DROP CONVERSION ${quote(object.name)}`)],
}

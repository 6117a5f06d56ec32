/** Operators, their families and classes, casts, transforms: made anew when they differ. */
import { ident } from '../../../../../engine/sql.ts'
import type { KindRule } from '../../../../plan/action.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import { quote } from '../names.ts'
import { brief } from '../tools.ts'
import { said } from '../../said.ts'

/** `"public".===`: an operator's name is never quoted. */
export function operatorName({ name, facts }: SchemaObject): string {
  const schema = quote(name.slice(0, 1))
  return name[0]?.startsWith('{') === true ? said(facts?.['name']) : `${schema}.${said(facts?.['name'])}`
}

const OPTIONS = [
  'FUNCTION',
  'LEFTARG',
  'RIGHTARG',
  'COMMUTATOR',
  'NEGATOR',
  'RESTRICT',
  'JOIN',
  'HASHES',
  'MERGES',
]

export const operatorRule: KindRule = {
  create: (object) => {
    const options = OPTIONS.flatMap((name) => {
      const value = object.properties[name]
      if (value === undefined) return []
      return value === true ? [name] : [`${name} = ${said(value)}`]
    })
    return [{ sql: `CREATE OPERATOR ${operatorName(object)} (${options.join(', ')})`, lock: null }]
  },
  drop: (object) => [brief(`DROP OPERATOR ${operatorName(object)} (${said(object.facts?.['types'])})`)],
}

function methodName(object: SchemaObject): string {
  return `${quote([object.name[0] ?? '', said(object.facts?.['name'])])} USING ${ident(said(object.facts?.['method']))}`
}

function members({ properties }: SchemaObject): readonly string[] {
  const list = properties['members']
  return Array.isArray(list) ? list.map(String) : []
}

export const operatorFamilyRule: KindRule = {
  create: (object) => {
    const name = methodName(object)
    const list = members(object)
    const add = `ALTER OPERATOR FAMILY ${name} ADD ${list.join(', ')}`
    const sql = `CREATE OPERATOR FAMILY ${name}`
    return [{ sql: list.length === 0 ? sql : `${sql};\n${add}`, lock: null }]
  },
  drop: (object) => [brief(`DROP OPERATOR FAMILY ${methodName(object)}`)],
}

export const operatorClassRule: KindRule = {
  create: (object) => {
    const { default: isDefault, type, storage, family } = object.properties
    const list = [...members(object), ...(storage === undefined ? [] : [`STORAGE ${said(storage)}`])]
    const sql = [
      `CREATE OPERATOR CLASS ${quote([object.name[0] ?? '', said(object.facts?.['name'])])}`,
      ...(isDefault === true ? ['DEFAULT'] : []),
      `FOR TYPE ${said(type)} USING ${ident(said(object.facts?.['method']))} FAMILY ${quote(family as string[])}`,
      // One without members keeps its own type.
      `AS ${list.length === 0 ? `STORAGE ${said(type)}` : list.join(', ')}`,
    ].join(' ')
    return [{ sql, lock: null }]
  },
  drop: (object) => [brief(`DROP OPERATOR CLASS ${methodName(object)}`)],
}

export const castRule: KindRule = {
  create: (object) => {
    const { function: by, inout, context } = object.properties
    const how =
      by !== undefined ? `WITH FUNCTION ${said(by)}` : inout === true ? 'WITH INOUT' : 'WITHOUT FUNCTION'
    const where = context === undefined ? '' : ` AS ${said(context)}`
    return [{ sql: `CREATE CAST ${object.name[0] ?? ''} ${how}${where}`, lock: null }]
  },
  drop: (object) => [brief(`DROP CAST ${object.name[0] ?? ''}`)],
}

export const transformRule: KindRule = {
  create: (object) => {
    const { from, to } = object.properties
    const list = [
      ...(from === undefined ? [] : [`FROM SQL WITH FUNCTION ${said(from)}`]),
      ...(to === undefined ? [] : [`TO SQL WITH FUNCTION ${said(to)}`]),
    ]
    return [{ sql: `CREATE TRANSFORM ${said(object.facts?.['signature'])} (${list.join(', ')})`, lock: null }]
  },
  drop: (object) => [brief(`DROP TRANSFORM ${said(object.facts?.['signature'])}`)],
}

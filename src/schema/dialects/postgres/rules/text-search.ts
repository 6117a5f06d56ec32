/** Text search: dictionaries and configurations are altered in place, their parts made anew. */
import { ident } from '../../../../engine/sql.ts'
import type { Action, KindRule } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { quote } from './names.ts'
import { brief } from './tools.ts'
import { said } from '../said.ts'

function ofFunctions(word: string): KindRule {
  return {
    create: ({ name, properties }) => {
      const options = Object.entries(properties)
        .filter(([option]) => option === option.toUpperCase())
        .map(([option, call]) => `${option} = ${said(call)}`)
      return [{ sql: `CREATE TEXT SEARCH ${word} ${quote(name)} (${options.join(', ')})`, lock: null }]
    },
    drop: ({ name }) => [brief(`DROP TEXT SEARCH ${word} ${quote(name)}`)],
  }
}

export const textSearchParserRule = ofFunctions('PARSER')
export const textSearchTemplateRule = ofFunctions('TEMPLATE')

export const textSearchDictionaryRule: KindRule = {
  create: ({ name, properties }) => {
    const { template, options } = properties
    const more = options === undefined ? '' : `, ${said(options)}`
    return [
      {
        sql: `CREATE TEXT SEARCH DICTIONARY ${quote(name)} (TEMPLATE = ${said(template)}${more})`,
        lock: null,
      },
    ]
  },
  drop: ({ name }) => [brief(`DROP TEXT SEARCH DICTIONARY ${quote(name)}`)],
}

type Mappings = Readonly<Record<string, readonly string[]>>

function mappingsOf({ properties }: SchemaObject): Mappings {
  return (properties['mappings'] ?? {}) as Mappings
}

export const textSearchConfigurationRule: KindRule = {
  create: (object) => [
    {
      sql: `CREATE TEXT SEARCH CONFIGURATION ${quote(object.name)} (PARSER = ${said(object.properties['parser'])})`,
      creates: [idOf(object)],
      lock: null,
    },
    ...mappingActions(object, {}, mappingsOf(object)),
  ],
  drop: ({ name }) => [brief(`DROP TEXT SEARCH CONFIGURATION ${quote(name)}`)],
  alter: ({ from, to, properties }) =>
    properties.includes('parser')
      ? 'replace'
      : { actions: mappingActions(to, mappingsOf(from), mappingsOf(to)) },
}

function mappingActions({ name }: SchemaObject, from: Mappings, to: Mappings): Action[] {
  const start = `ALTER TEXT SEARCH CONFIGURATION ${quote(name)}`
  const gone = Object.keys(from).filter((token) => to[token] === undefined)
  const changed = Object.entries(to).filter(([token, list]) => list.join() !== from[token]?.join())
  return [
    ...gone.map((token) => brief(`${start} DROP MAPPING FOR ${ident(token)}`)),
    ...changed.map(([token, list]) => {
      const verb = from[token] === undefined ? 'ADD' : 'ALTER'
      return brief(`${start} ${verb} MAPPING FOR ${ident(token)} WITH ${list.join(', ')}`)
    }),
  ]
}

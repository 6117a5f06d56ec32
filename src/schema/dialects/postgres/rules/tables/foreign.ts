/** Wrappers, servers and user mappings of foreign data. */
import { said } from '../../said.ts'
import { literal } from '../../../../../engine/sql.ts'
import type { KindRule } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { quote } from '../names.ts'
import { foreignOptionChanges, foreignOptions, optionsIn, textOf } from '../tools.ts'

export const foreignDataWrapperRule: KindRule = {
  create: (object) => {
    const { properties } = object
    const handler = textOf(properties, 'handler')
    const validator = textOf(properties, 'validator')
    return [
      {
        sql:
          [
            `CREATE FOREIGN DATA WRAPPER ${quote(object.name)}`,
            ...(handler === undefined ? [] : [`HANDLER ${handler}`]),
            ...(validator === undefined ? [] : [`VALIDATOR ${validator}`]),
          ].join(' ') + foreignOptions(optionsIn(properties)),
        lock: null,
      },
    ]
  },
  drop: (object) => [{ sql: `DROP FOREIGN DATA WRAPPER ${quote(object.name)}`, lock: null }],
  alter: ({ from, to, properties }) => {
    const word = (name: string): string[] => {
      if (!properties.includes(name)) return []
      const value = textOf(to.properties, name)
      return [value === undefined ? `NO ${name.toUpperCase()}` : `${name.toUpperCase()} ${value}`]
    }
    const changes = [
      ...word('handler'),
      ...word('validator'),
      foreignOptionChanges(optionsIn(from.properties), optionsIn(to.properties)),
    ]
    return {
      actions: [
        { sql: `ALTER FOREIGN DATA WRAPPER ${quote(to.name)} ${changes.join(' ').trim()}`, lock: null },
      ],
    }
  },
}

export const foreignServerRule: KindRule = {
  create: (object) => {
    const { properties } = object
    const type = textOf(properties, 'type')
    const version = textOf(properties, 'version')
    return [
      {
        sql:
          [
            `CREATE SERVER ${quote(object.name)}`,
            ...(type === undefined ? [] : [`TYPE ${literal(type).trim()}`]),
            ...(version === undefined ? [] : [`VERSION ${literal(version).trim()}`]),
            `FOREIGN DATA WRAPPER ${quote([said(properties['wrapper'])])}`,
          ].join(' ') + foreignOptions(optionsIn(properties)),
        lock: null,
      },
    ]
  },
  // The server keeps one for which somebody has a user mapping.
  drop: (object, context) => [
    ...context
      .partsBefore(idOf(object))
      .map((part) => ({ sql: `DROP USER MAPPING ${mapping(part)}`, drops: [idOf(part)], lock: null })),
    { sql: `DROP SERVER ${quote(object.name)}`, drops: [idOf(object)], lock: null },
  ],
  alter: ({ from, to, properties }) => {
    if (properties.includes('wrapper') || properties.includes('type')) return 'replace'
    const version = textOf(to.properties, 'version')
    const changes = [
      ...(properties.includes('version')
        ? [`VERSION ${version === undefined ? 'NULL' : literal(version).trim()}`]
        : []),
      foreignOptionChanges(optionsIn(from.properties), optionsIn(to.properties)),
    ]
    return { actions: [{ sql: `ALTER SERVER ${quote(to.name)} ${changes.join(' ').trim()}`, lock: null }] }
  },
}

export const userMappingRule: KindRule = {
  create: (object) => [
    {
      sql: `CREATE USER MAPPING ${mapping(object)}${foreignOptions(optionsIn(object.properties))}`,
      lock: null,
    },
  ],
  drop: (object) => [{ sql: `DROP USER MAPPING ${mapping(object)}`, lock: null }],
  alter: ({ from, to }) => ({
    actions: [
      {
        sql: `ALTER USER MAPPING ${mapping(to)} ${foreignOptionChanges(optionsIn(from.properties), optionsIn(to.properties))}`,
        lock: null,
      },
    ],
  }),
}

function mapping({ name: [server = '', role = ''] }: SchemaObject): string {
  return `FOR ${role === '' ? 'PUBLIC' : quote([role])} SERVER ${quote([server])}`
}

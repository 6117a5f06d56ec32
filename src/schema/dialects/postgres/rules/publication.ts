/** Publications with their tables and schemas. */
import { ident } from '../../../../engine/sql.ts'
import type { Action, KindRule } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { quote } from './names.ts'
import { brief, majorOf } from './tools.ts'
import { said } from '../said.ts'

export const publicationRule: KindRule = {
  create: (object, context) => {
    const all = object.properties['allTables'] === true ? ' FOR ALL TABLES' : ''
    return [
      brief(
        `CREATE PUBLICATION ${ident(nameOf(object))}${all} WITH (${optionsOf(object, majorOf(context))})`,
      ),
    ]
  },
  drop: (object) => [brief(`DROP PUBLICATION ${ident(nameOf(object))}`)],
  alter: ({ id, from, to, properties }, context) => {
    if (properties.includes('allTables')) return 'replace'
    // What only goes while partitions are published through their root has gone.
    const needs = from.properties['viaRoot'] === true ? context.partsBefore(id).map(idOf) : []
    const options = optionsOf(to, majorOf(context))
    return { actions: [brief(`ALTER PUBLICATION ${ident(nameOf(to))} SET (${options})`, { needs })] }
  },
}

/** Its options come first. */
function added(object: SchemaObject, what: string): Action[] {
  const sql = `ALTER PUBLICATION ${ident(nameOf(object))} ADD ${what}`
  return [brief(sql, { needs: object.parent === null ? [] : [object.parent] })]
}

function nameOf({ name }: SchemaObject): string {
  return name[0] ?? ''
}

function optionsOf({ properties }: SchemaObject, major: number): string {
  const { publish, viaRoot, generatedColumns } = properties
  const list = Array.isArray(publish) ? publish.join(', ') : ''
  const generated =
    major >= 18 ? `, publish_generated_columns = ${generatedColumns === undefined ? 'none' : 'stored'}` : ''
  return `publish = '${list}', publish_via_partition_root = ${viaRoot === true}${generated}`
}

export const publicationTableRule: KindRule = {
  create: (object) => added(object, `TABLE ONLY ${tableOf(object)}`),
  drop: (object) => [
    brief(`ALTER PUBLICATION ${ident(nameOf(object))} DROP TABLE ONLY ${quote(object.name.slice(1))}`),
  ],
}

function tableOf({ name, properties }: SchemaObject): string {
  const { columns, condition } = properties
  const list = Array.isArray(columns) ? ` (${columns.map((column) => ident(said(column))).join(', ')})` : ''
  const where = condition === undefined ? '' : ` WHERE (${said(condition)})`
  return `${quote(name.slice(1))}${list}${where}`
}

export const publicationSchemaRule: KindRule = {
  create: (object) => added(object, `TABLES IN SCHEMA ${ident(object.name[1] ?? '')}`),
  drop: (object) => [
    brief(`ALTER PUBLICATION ${ident(nameOf(object))} DROP TABLES IN SCHEMA ${ident(object.name[1] ?? '')}`),
  ],
}

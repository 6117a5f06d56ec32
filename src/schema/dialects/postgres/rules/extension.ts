/** Extensions: updated and moved in place where their scripts can; else made anew with all that uses them. */
import { ident, literal } from '../../../../engine/sql.ts'
import type { KindRule } from '../../../plan/action.ts'
import type { SchemaObject } from '../../../snapshot/snapshot.ts'
import { quote } from './names.ts'
import { brief, hazard } from './tools.ts'
import { said } from '../said.ts'

export const extensionRule: KindRule = {
  create: (object) => [
    {
      sql: `CREATE EXTENSION IF NOT EXISTS ${quote(object.name)} WITH SCHEMA ${schemaOf(object)} VERSION ${literal(versionOf(object))}`,
      lock: null,
    },
  ],
  drop: (object) => {
    const detail = `The tables that the extension ${object.name.join('.')} brought are removed with their rows.`
    const hazards = object.facts?.['holdsRows'] === true ? [hazard('data-loss', detail)] : []
    return [brief(`DROP EXTENSION ${quote(object.name)}`, { hazards })]
  },
  alter: ({ from, to, properties }) => {
    const actions = []
    if (properties.includes('schema')) {
      if (from.facts?.['relocatable'] !== true) return 'replace'
      actions.push(brief(`ALTER EXTENSION ${quote(to.name)} SET SCHEMA ${schemaOf(to)}`))
    }
    if (properties.includes('version')) {
      const updates = from.facts?.['updates']
      if (!Array.isArray(updates) || !updates.includes(versionOf(to))) return 'replace'
      actions.push(brief(`ALTER EXTENSION ${quote(to.name)} UPDATE TO ${literal(versionOf(to)).trim()}`))
    }
    return { actions }
  },
}

function schemaOf({ properties }: SchemaObject): string {
  return ident(said(properties['schema']))
}

function versionOf({ properties }: SchemaObject): string {
  return said(properties['version'])
}

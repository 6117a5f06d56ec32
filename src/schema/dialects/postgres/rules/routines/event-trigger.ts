/** Event triggers: they see the rest of a plan happen only where they did before and will afterwards. */
import { ident, literal } from '../../../../../engine/sql.ts'
import type { Action, KindRule } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { quote } from '../names.ts'
import { said } from '../../said.ts'

const STATE: Readonly<Record<string, string>> = {
  disabled: 'DISABLE',
  replica: 'ENABLE REPLICA',
  always: 'ENABLE ALWAYS',
}

export const eventTriggerRule: KindRule = {
  create: (object) => {
    const { event, tags, function: call, enabled } = object.properties
    const list = Array.isArray(tags) ? tags.map((tag) => literal(said(tag))).join(', ') : ''
    const when = list === '' ? '' : ` WHEN TAG IN (${list})`
    const sql = `CREATE EVENT TRIGGER ${quote(object.name)} ON ${ident(said(event))}${when} EXECUTE FUNCTION ${said(call)}()`
    return [
      { sql, lock: null, creates: [idOf(object)], place: 'last' },
      ...(enabled === undefined ? [] : [state(object)]),
    ]
  },
  drop: (object) => [{ sql: `DROP EVENT TRIGGER ${quote(object.name)}`, lock: null, place: 'first' }],
  alter: ({ to, properties }) =>
    properties.every((name) => name === 'enabled') ? { actions: [state(to)] } : 'replace',
}

function state(object: SchemaObject): Action {
  const word = STATE[said(object.properties['enabled'])] ?? 'ENABLE'
  const place = word === 'DISABLE' ? 'first' : 'last'
  return { sql: `ALTER EVENT TRIGGER ${quote(object.name)} ${word}`, lock: null, place }
}

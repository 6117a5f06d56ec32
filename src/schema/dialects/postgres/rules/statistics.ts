/** Statistics objects. */
import { said } from '../said.ts'
import type { Action, KindRule } from '../../../plan/action.ts'
import { idOf } from '../../../snapshot/snapshot.ts'
import { quote } from './names.ts'

export const statisticsRule: KindRule = {
  create: (object) => {
    const target = object.properties['target']
    const actions: Action[] = [
      {
        sql: `CREATE STATISTICS ${quote(object.name)} ${said(object.properties['definition'])}`,
        creates: [idOf(object)],
        lock: 'share update exclusive',
      },
    ]
    if (typeof target === 'string') actions.push(setTarget(object.name, target))
    return actions
  },
  drop: (object) => [{ sql: `DROP STATISTICS ${quote(object.name)}`, lock: 'share update exclusive' }],
  alter: ({ to, properties }) => {
    if (properties.some((name) => name !== 'target')) return 'replace'
    const target = to.properties['target']
    return { actions: [setTarget(to.name, typeof target === 'string' ? target : '-1')] }
  },
  rename: ({ from, to }) => [
    {
      sql: `ALTER STATISTICS ${quote(from.name)} RENAME TO ${quote(to.name.slice(-1))}`,
      lock: 'share update exclusive',
    },
  ],
}

function setTarget(name: readonly string[], target: string): Action {
  return { sql: `ALTER STATISTICS ${quote(name)} SET STATISTICS ${target}`, lock: 'share update exclusive' }
}

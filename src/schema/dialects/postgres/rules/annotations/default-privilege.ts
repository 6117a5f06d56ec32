/** ALTER DEFAULT PRIVILEGES: what objects that a role makes from now on may be used for. */
import { ident } from '../../../../../engine/sql.ts'
import type { Action, KindRule } from '../../../../plan/action.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import type { Privileges } from '../../inspect/access.ts'
import { hazard } from '../tools.ts'
import { MASKED_SCHEMA } from '../../../../snapshot/snapshot.ts'

export const defaultPrivilegeRule: KindRule = {
  create: (object) => changes(object, usualOf(object), grantsOf(object)),
  drop: (object) => changes(object, grantsOf(object), usualOf(object)),
  alter: ({ from, to }) => ({ actions: changes(to, grantsOf(from), grantsOf(to)) }),
}

function grantsOf({ properties }: SchemaObject): Privileges {
  return properties['grants'] as Privileges
}

function usualOf({ properties }: SchemaObject): Privileges {
  return properties['usual'] as Privileges
}

function changes(object: SchemaObject, from: Privileges, to: Privileges): Action[] {
  const [role = '', schema = '', what = ''] = object.name
  const place = schema === '' || schema === MASKED_SCHEMA ? '' : ` IN SCHEMA ${ident(schema)}`
  const start = `ALTER DEFAULT PRIVILEGES FOR ROLE ${ident(role)}${place}`
  const sql: string[] = []
  for (const name of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [before, after] = [from[name] ?? [], to[name] ?? []]
    const who = name === '' ? 'PUBLIC' : ident(name)
    const plain = (privilege: string): string => privilege.replace('*', '')
    const lost = before.filter((privilege) => !after.includes(privilege))
    const gone = lost.filter((privilege) => !after.some((other) => plain(other) === plain(privilege)))
    const option = lost.filter((privilege) => privilege.endsWith('*') && after.includes(plain(privilege)))
    const added = after.filter(
      (privilege) => !before.includes(privilege) && !before.includes(`${privilege}*`),
    )
    const list = (names: readonly string[]): string => names.map(plain).join(', ')
    if (gone.length > 0) sql.push(`REVOKE ${list(gone)} ON ${what} FROM ${who}`)
    if (option.length > 0) sql.push(`REVOKE GRANT OPTION FOR ${list(option)} ON ${what} FROM ${who}`)
    for (const passed of [false, true]) {
      const names = added.filter((privilege) => privilege.endsWith('*') === passed)
      if (names.length > 0)
        sql.push(`GRANT ${list(names)} ON ${what} TO ${who}${passed ? ' WITH GRANT OPTION' : ''}`)
    }
  }
  const detail = `What roles may do with ${what.toLowerCase()} that ${role} makes changes.`
  return sql.map((text) => ({
    sql: `${start} ${text}`,
    lock: null,
    hazards: [hazard('access-change', detail)],
  }))
}

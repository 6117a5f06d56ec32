/** Grants on what an extension brought, from and to those that its script gives. */
import type { Action, KindRule } from '../../../../plan/action.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import type { Privileges } from '../../inspect/access.ts'
import { said } from '../../said.ts'
import { grantStatements } from './access.ts'
import { hazard } from '../tools.ts'

export const extensionGrantRule: KindRule = {
  create: (object) => actions(object, givenTo(object), grantsOf(object)),
  drop: (object) => actions(object, grantsOf(object), givenTo(object)),
  alter: ({ from, to }) => ({ actions: actions(to, grantsOf(from), grantsOf(to)) }),
}

function grantsOf({ properties }: SchemaObject): Privileges {
  return properties['grants'] as Privileges
}

function givenTo({ facts }: SchemaObject): Privileges {
  return facts?.['given'] as Privileges
}

function actions(object: SchemaObject, from: Privileges, to: Privileges): Action[] {
  const on = said(object.facts?.['on'])
  const hazards = [hazard('access-change', `What roles may do with ${on} changes.`)]
  const target = { privilege: (name: string) => name, on, usual: {} }
  return grantStatements(target, from, to).map((sql) => ({ sql, lock: null, hazards }))
}

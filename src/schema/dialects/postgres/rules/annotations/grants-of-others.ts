/** Privileges that roles have passed on: the server lets nobody but them give and take these. */
import { ident } from '../../../../../engine/sql.ts'
import { sameJson } from '../../../../snapshot/canonical.ts'
import type { Action } from '../../../../plan/action.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import type { Privileges } from '../../inspect/access.ts'
import { grantStatements, sequenceTarget, type Target, targetOf } from './access.ts'
import type { Annotation } from './annotation.ts'
import { hazard } from '../tools.ts'

type Passed = Readonly<Record<string, Privileges>>

/** What it takes for each grantor to have passed on what it should, and nothing else. */
export const aclOfOthers: Annotation = {
  property: 'aclOfOthers',
  change: (object, from, to) => {
    const target = targetOf(object)
    return target === undefined
      ? []
      : passedOn(object, target, 'acl', (from ?? {}) as Passed, (to ?? {}) as Passed)
  },
}

/** The same of an identity column's sequence. */
export const sequenceAclOfOthers: Annotation = {
  property: 'sequenceAclOfOthers',
  change: (object, from, to) => {
    const target = sequenceTarget(object)
    return target === undefined
      ? []
      : passedOn(object, target, 'sequenceAcl', (from ?? {}) as Passed, (to ?? {}) as Passed)
  },
}

/** @param given the property that tells what the owner has given */
function passedOn(
  object: SchemaObject,
  target: Target,
  given: string,
  before: Passed,
  after: Passed,
): Action[] {
  const own = (object.properties[given] ?? {}) as Privileges
  const stays = inOrder({ ...withoutGone(before, after) }, own)
  // What was passed on by who may no longer has gone with that; what is taken takes along what came of it.
  const taken = stays.flatMap((role) => {
    const kept = after[role] ?? {}
    const sql = grantStatements(target, before[role] ?? {}, kept).filter((text) => text.startsWith('REVOKE'))
    return sql.length === 0 ? [] : [as(role, sql, object)]
  })
  const passed = inOrder(after, own).flatMap((role) => {
    if (taken.length === 0 && sameJson(before[role] ?? {}, after[role] ?? {})) return []
    return [as(role, grantStatements(target, {}, after[role] ?? {}), object)]
  })
  return [...taken, ...passed]
}

/** Grantors of before, with what they have passed on after as well: those hold their options all along. */
function withoutGone(before: Passed, after: Passed): Passed {
  return Object.fromEntries(Object.keys(before).map((role) => [role, after[role] ?? {}]))
}

/** Roles that pass privileges on, after those that they have them from. */
function inOrder(passed: Passed, own: Privileges): string[] {
  const able = new Set(Object.keys(own).filter((role) => mayPassOn(own[role])))
  const result: string[] = []
  for (let open = Object.keys(passed); open.length > 0;) {
    const next = open.filter((role) => able.has(role))
    if (next.length === 0) return result
    result.push(...next)
    for (const role of next) {
      const grants = passed[role] ?? {}
      for (const grantee of Object.keys(grants)) if (mayPassOn(grants[grantee])) able.add(grantee)
    }
    open = open.filter((role) => !next.includes(role))
  }
  return result
}

function mayPassOn(privileges: readonly string[] | undefined): boolean {
  return privileges?.some((privilege) => privilege.endsWith('*')) === true
}

function as(role: string, sql: readonly string[], object: SchemaObject): Action {
  const what = object.name.join('.')
  return {
    sql: [`SET LOCAL ROLE ${ident(role)}`, ...sql, 'RESET ROLE'].join('; '),
    alters: [],
    lock: null,
    hazards: [
      hazard('access-change', `What roles may do with ${what} changes.`),
      hazard(
        'may-fail',
        `It fails for a role that may not act as ${role}, who passes on what it may do with ${what}.`,
      ),
    ],
  }
}

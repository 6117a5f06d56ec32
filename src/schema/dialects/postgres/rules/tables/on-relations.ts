/** Rewrite rules, triggers and policies. */
import { ident } from '../../../../../engine/sql.ts'
import type { Action, KindRule, RuleContext } from '../../../../plan/action.ts'
import { sameJson, type Json } from '../../../../snapshot/canonical.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import {
  ancestorsAfter,
  ancestorsBefore,
  attachmentsAfter,
  descendantsBefore,
  letGo,
  sameOn,
} from '../partitions/family.ts'
import { ownerName, ownName } from '../names.ts'
import { brief, hazard } from '../tools.ts'
import { said } from '../../said.ts'

const STATE: Readonly<Record<string, string>> = {
  disabled: 'DISABLE',
  replica: 'ENABLE REPLICA',
  always: 'ENABLE ALWAYS',
}

export function stateAction(object: SchemaObject, what: 'RULE' | 'TRIGGER', state: Json | undefined): Action {
  const word = STATE[said(state)] ?? 'ENABLE'
  return brief(`ALTER TABLE ${ownerName(object)} ${word} ${what} ${ownName(object)}`)
}

/** The statement that makes it, and the one that says when it fires if that is not always. */
function made(
  sql: string,
  object: SchemaObject,
  what: 'RULE' | 'TRIGGER',
  wasNew: boolean,
  from?: SchemaObject,
): Action[] {
  const state = object.properties['enabled']
  const before = wasNew ? undefined : from?.properties['enabled']
  const first = brief(sql, { [wasNew ? 'creates' : 'alters']: [idOf(object)] })
  return state === before ? [first] : [first, stateAction(object, what, state)]
}

function ruleText({ properties, ...object }: SchemaObject): string {
  return `CREATE OR REPLACE RULE ${ownName(object)} AS ${said(properties['event'])} TO ${ownerName(object)} ${said(properties['action'])}`
}

export const rewriteRule: KindRule = {
  create: (object) => made(ruleText(object), object, 'RULE', true),
  drop: (object) => [brief(`DROP RULE ${ownName(object)} ON ${ownerName(object)}`)],
  alter: ({ from, to, properties }) =>
    properties.some((name) => name !== 'enabled')
      ? { actions: made(ruleText(to), to, 'RULE', false, from) }
      : { actions: [stateAction(to, 'RULE', to.properties['enabled'])] },
}

function triggerText(object: SchemaObject, start: string): string {
  const { event, action } = object.properties
  return `${start} ${ownName(object)} ${said(event)} ON ${ownerName(object)} ${said(action)}`
}

export const triggerRule: KindRule = {
  create: (object, context) => {
    const start = object.properties['constraint'] === true ? 'CREATE CONSTRAINT TRIGGER' : 'CREATE TRIGGER'
    const [first, ...others] = made(triggerText(object, start), object, 'TRIGGER', true)
    return first === undefined ? [] : [{ ...first, needs: namesakesGone(object, context) }, ...others]
  },
  drop: (object) => [brief(`DROP TRIGGER ${ownName(object)} ON ${ownerName(object)}`)],
  alter: ({ from, to, properties }) => {
    if (properties.every((name) => name === 'enabled')) {
      return { actions: [stateAction(to, 'TRIGGER', to.properties['enabled'])] }
    }
    // The server replaces no constraint trigger.
    if ([from, to].some((object) => object.properties['constraint'] === true)) return 'replace'
    const sql = triggerText(to, 'CREATE OR REPLACE TRIGGER')
    // Replacing leaves the state as it was.
    return { actions: made(sql, to, 'TRIGGER', false, from) }
  },
  rename: ({ from, to }) => [
    brief(`ALTER TRIGGER ${ownName(from)} ON ${ownerName(to)} RENAME TO ${ident(to.name.at(-1) as string)}`),
  ],
}

/** A partition has its parents' triggers by their names: its own of such a name goes before they come, and theirs before its own. */
function namesakesGone(trigger: SchemaObject, context: RuleContext): string[] {
  const table = trigger.parent ?? ''
  const family = [...ancestorsBefore(table, context), ...descendantsBefore(table, context)]
  const namesakes = family.flatMap((one) => sameOn(one, trigger, context.before) ?? []).map(idOf)
  return [...namesakes, ...letGo(table, context)]
}

/** What a partition says of its parent's trigger; without it, what the parent says. */
export const triggerStateRule: KindRule = {
  create: (object, context) => {
    const above = [object.parent ?? '', ...ancestorsAfter(object.parent ?? '', context)]
    const needs = above.flatMap((table) => [
      ...attachmentsAfter(table, context).map(idOf),
      ...[sameOn(table, { ...object, kind: 'trigger' }, context.after) ?? []].flat().map(idOf),
    ])
    return [{ ...stateAction(object, 'TRIGGER', object.properties['enabled']), needs }]
  },
  drop: (object, context) =>
    goesWithTrigger(object, context) ? [] : [stateAction(object, 'TRIGGER', object.properties['parent'])],
  alter: ({ to }) => ({ actions: [stateAction(to, 'TRIGGER', to.properties['enabled'])] }),
}

function goesWithTrigger(object: SchemaObject, context: RuleContext): boolean {
  return object.dependsOn.some((id) => context.isDropped(id))
}

function roleList(object: SchemaObject): string {
  const roles = object.properties['roles']
  const names = (Array.isArray(roles) ? roles : []).map((role) =>
    role === '' ? 'PUBLIC' : ident(said(role)),
  )
  return names.length === 0 ? 'PUBLIC' : names.join(', ')
}

function conditions({ properties }: SchemaObject, from: SchemaObject['properties'] = {}): string {
  const { using, withCheck } = properties
  return [
    ...(using === undefined || using === from['using'] ? [] : [` USING (${said(using)})`]),
    ...(withCheck === undefined || withCheck === from['withCheck']
      ? []
      : [` WITH CHECK (${said(withCheck)})`]),
  ].join('')
}

function accessChange(object: SchemaObject): Pick<Action, 'hazards'> {
  const table = object.name.slice(0, -1).join('.')
  return {
    hazards: [
      hazard('access-change', `Which rows of ${table} are seen changes with policy ${ownName(object)}.`),
    ],
  }
}

export const policyRule: KindRule = {
  create: (object, context) => {
    const { command, restrictive } = object.properties
    const kind = restrictive === true ? ' AS RESTRICTIVE' : ''
    const sql = `CREATE POLICY ${ownName(object)} ON ${ownerName(object)}${kind} FOR ${said(command)} TO ${roleList(object)}${conditions(object)}`
    const isNew = object.parent !== null && context.isNew(object.parent)
    return [brief(sql, isNew ? {} : accessChange(object))]
  },
  drop: (object) => [brief(`DROP POLICY ${ownName(object)} ON ${ownerName(object)}`, accessChange(object))],
  alter: ({ from, to, properties }) => {
    if (properties.includes('command') || properties.includes('restrictive')) return 'replace'
    // A condition can be given another text, but not be taken away.
    const lost = ['using', 'withCheck'].some(
      (name) => from.properties[name] !== undefined && to.properties[name] === undefined,
    )
    if (lost) return 'replace'
    const roles = sameJson(from.properties['roles'] ?? [], to.properties['roles'] ?? [])
      ? ''
      : ` TO ${roleList(to)}`
    const sql = `ALTER POLICY ${ownName(to)} ON ${ownerName(to)}${roles}${conditions(to, from.properties)}`
    return { actions: [brief(sql, accessChange(to))] }
  },
  rename: ({ from, to }) => [
    brief(`ALTER POLICY ${ownName(from)} ON ${ownerName(to)} RENAME TO ${ident(to.name.at(-1) as string)}`),
  ],
}

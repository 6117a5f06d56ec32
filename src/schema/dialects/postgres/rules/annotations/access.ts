/**
 * GRANT and REVOKE for every kind of object. A new object has what default privileges of the role that makes it say,
 * and which role that is a plan cannot know: whatever any default privilege may have given is taken away first.
 */
import { ident } from '../../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject, type Snapshot } from '../../../../snapshot/snapshot.ts'
import { OWNER, type Privileges } from '../../inspect/access.ts'
import type { Annotation } from './annotation.ts'
import { grantedWords } from '../kind-words.ts'
import { ownerName, ownName, quote } from '../names.ts'
import { hazard } from '../tools.ts'

/** Kinds whose new objects PUBLIC may use. */
const PUBLIC_MAY: Readonly<Record<string, readonly string[]>> = {
  function: ['EXECUTE'],
  procedure: ['EXECUTE'],
  aggregate: ['EXECUTE'],
  enum: ['USAGE'],
  domain: ['USAGE'],
  composite_type: ['USAGE'],
  range: ['USAGE'],
  language: ['USAGE'],
}

/** What default privileges call the kinds. */
const DEFAULTS_FOR: Readonly<Record<string, string>> = {
  table: 'TABLES',
  foreign_table: 'TABLES',
  view: 'TABLES',
  materialized_view: 'TABLES',
  sequence: 'SEQUENCES',
  column: 'SEQUENCES',
  function: 'FUNCTIONS',
  procedure: 'FUNCTIONS',
  aggregate: 'FUNCTIONS',
  enum: 'TYPES',
  domain: 'TYPES',
  composite_type: 'TYPES',
  range: 'TYPES',
  schema: 'SCHEMAS',
}

function grantee(role: string): string {
  return role === '' ? 'PUBLIC' : role === OWNER ? 'CURRENT_USER' : ident(role)
}

export interface Target {
  /** `SELECT` → `SELECT ("a")` for a column. */
  readonly privilege: (name: string) => string
  readonly on: string
  readonly usual: Privileges
}

export function targetOf(object: SchemaObject): Target | undefined {
  if (object.kind === 'column' || object.kind === 'view_column') {
    const column = ownName(object)
    return { privilege: (name) => `${name} (${column})`, on: `TABLE ${ownerName(object)}`, usual: {} }
  }
  const on = grantedWords(object)
  const may = PUBLIC_MAY[object.kind]
  return on === undefined
    ? undefined
    : { privilege: (name) => name, on, usual: may === undefined ? {} : { '': may } }
}

/** Statements that turn one list of grants into another. */
export function grantStatements(target: Target, from: Privileges, to: Privileges): string[] {
  const sql: string[] = []
  for (const role of new Set([...Object.keys(from), ...Object.keys(to)])) {
    if (role === OWNER && from[role] === undefined) {
      sql.push(`REVOKE ALL ON ${target.on} FROM CURRENT_USER`)
    }
    const [before, after] = [role === OWNER ? [] : (from[role] ?? []), to[role] ?? []]
    const lost = before.filter((name) => !after.includes(name))
    const plain = (name: string): string => name.replace('*', '')
    const gone = lost.filter((name) => !after.some((other) => plain(other) === plain(name)))
    const option = lost.filter((name) => name.endsWith('*') && after.includes(plain(name)))
    const list = (names: readonly string[]): string =>
      names.map((name) => target.privilege(plain(name))).join(', ')
    const who = grantee(role)
    if (gone.length > 0) sql.push(`REVOKE ${list(gone)} ON ${target.on} FROM ${who} CASCADE`)
    if (option.length > 0)
      sql.push(`REVOKE GRANT OPTION FOR ${list(option)} ON ${target.on} FROM ${who} CASCADE`)
    const added = after.filter((name) => !before.includes(name) && !before.includes(`${name}*`))
    for (const passed of [false, true]) {
      const names = added.filter((name) => name.endsWith('*') === passed)
      if (names.length > 0) {
        sql.push(`GRANT ${list(names)} ON ${target.on} TO ${who}${passed ? ' WITH GRANT OPTION' : ''}`)
      }
    }
    if (role === OWNER && to[role] === undefined) sql.push(`GRANT ALL ON ${target.on} TO CURRENT_USER`)
  }
  return sql
}

const defaultsIn = new WeakMap<Snapshot, readonly SchemaObject[]>()

/** Looked for once: every new object asks for them. */
function defaultPrivileges(snapshot: Snapshot): readonly SchemaObject[] {
  const known = defaultsIn.get(snapshot)
  if (known !== undefined) return known
  const found = snapshot.objects.filter(({ kind }) => kind === 'default_privilege')
  defaultsIn.set(snapshot, found)
  return found
}

/** Grants that default privileges of some role, before or after, may have put on a new object. */
function mayHave(object: SchemaObject, context: RuleContext): ReadonlySet<string> {
  const what = DEFAULTS_FOR[object.kind]
  const applies = ({ name }: SchemaObject): boolean =>
    name[2] === what && (name[1] === '' || name[1] === object.name[0])
  const found = [context.source, context.target].flatMap((side) => defaultPrivileges(side).filter(applies))
  return new Set(found.flatMap(unusualRoles))
}

function unusualRoles({ name, properties }: SchemaObject): string[] {
  const grants = properties['grants'] as Privileges
  const usual = properties['usual'] as Privileges
  const roles = [...Object.keys(grants), ...Object.keys(usual)]
  const unusual = roles.filter((role) => grants[role]?.join() !== usual[role]?.join())
  // Who makes an object owns it.
  return unusual.map((role) => (role === name[0] ? OWNER : role))
}

/** Statements that take from what is made under a name for the time being all that default privileges may give. */
export function withoutDefaults(object: SchemaObject, on: string, context: RuleContext): string[] {
  const roles = [...mayHave(object, context)].filter((role) => role !== OWNER)
  return roles.map((role) => `REVOKE ALL ON ${on} FROM ${grantee(role)}`)
}

/** A new object: what it may have by default privileges is taken, then all is given that it should have. */
function onNew(object: SchemaObject, target: Target, to: Privileges, context: RuleContext): string[] {
  const own = mayHave(object, context)
  if (own.size === 0) return grantStatements(target, target.usual, to)
  const taken = [...own].filter((role) => role !== OWNER)
  const sql = taken.map((role) => `REVOKE ALL ON ${target.on} FROM ${grantee(role)}`)
  const left = Object.fromEntries(Object.entries(target.usual).filter(([role]) => !own.has(role)))
  if (own.has(OWNER) && to[OWNER] === undefined) sql.push(`GRANT ALL ON ${target.on} TO CURRENT_USER`)
  return [...sql, ...grantStatements(target, left, to)]
}

function actionsOf(sql: readonly string[], object: SchemaObject, isNew: boolean): Action[] {
  const what = object.name.join('.')
  return sql.map((text) => ({
    sql: text,
    alters: [],
    lock: null,
    ...(isNew ? {} : { hazards: [hazard('access-change', `What roles may do with ${what} changes.`)] }),
  }))
}

/** A table's REVOKE takes the same privileges of its columns along: those are given again. */
function columnsAgain(table: SchemaObject, sql: readonly string[], context: RuleContext): Action[] {
  if (!sql.some((text) => text.startsWith('REVOKE'))) return []
  return context.partsAfter(idOf(table)).flatMap((column) => {
    const target = targetOf(column)
    const list = column.properties['acl']
    if (
      list === undefined ||
      target === undefined ||
      !(column.kind === 'column' || column.kind === 'view_column')
    )
      return []
    return grantStatements(target, {}, list as Privileges).map((text): Action => ({
      sql: text,
      alters: [],
      needs: [idOf(column)],
      lock: null,
    }))
  })
}

export const acl: Annotation = {
  property: 'acl',
  change: (object, from, to, context, isNew) => {
    const target = targetOf(object)
    if (target === undefined) return []
    const after = (to ?? target.usual) as Privileges
    const isColumn = object.kind === 'column' || object.kind === 'view_column'
    const sql =
      isNew && !isColumn
        ? onNew(object, target, after, context)
        : grantStatements(target, (from ?? target.usual) as Privileges, after)
    return [...actionsOf(sql, object, isNew), ...(isNew ? [] : columnsAgain(object, sql, context))]
  },
}

/** The sequence of an identity column; undefined for any other. */
export function sequenceTarget({ name, properties }: SchemaObject): Target | undefined {
  const identity = properties['identity'] as { readonly sequence: readonly string[] } | undefined | null
  if (identity === undefined || identity === null) return undefined
  const { sequence } = identity
  const whole = sequence.length === 1 ? [name[0] ?? '', ...sequence] : sequence
  return { privilege: (privilege) => privilege, on: `SEQUENCE ${quote(whole)}`, usual: {} }
}

/** The grants of an identity column's sequence. */
export const sequenceAcl: Annotation = {
  property: 'sequenceAcl',
  change: (object, from, to, context, isNew) => {
    const target = sequenceTarget(object)
    if (target === undefined) return []
    const after = (to ?? {}) as Privileges
    const before = context.before(idOf(object))?.properties['identity']
    const made = isNew || before === undefined || before === null
    const sql = made
      ? onNew(object, target, after, context)
      : grantStatements(target, (from ?? {}) as Privileges, after)
    return actionsOf(sql, object, made)
  },
}

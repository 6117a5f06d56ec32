/** Domains and their constraints. */
import type { Action, KindRule, RuleContext } from '../../../../plan/action.ts'
import type { Hazard } from '../../../../plan/hazards.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { ident } from '../../../../../engine/sql.ts'
import { provedId } from './held-types.ts'
import { goesWithExtension } from './moved-types.ts'
import { ownerName, ownName, quote } from '../names.ts'
import { said } from '../../said.ts'
import { domainNotNullName } from '../columns/not-null-text.ts'
import { hazard, isQuiet } from '../tools.ts'

export const domainRule: KindRule = {
  create: (object) => [{ sql: definition(object), lock: null }],
  drop: (object) => [{ sql: `DROP DOMAIN ${quote(object.name)}`, lock: null }],
  alter: ({ id, from, to, properties }, context) => {
    if (properties.includes('notNull') && to.properties['notNull'] === true && isContained(id, context))
      return 'replace'
    const retyped = properties.includes('type') && !goesWithExtension(from, to, context)
    if (retyped || properties.includes('collation')) return 'replace'
    const start = `ALTER DOMAIN ${quote(to.name)}`
    const actions: Action[] = []
    if (properties.includes('default')) {
      const value = to.properties['default']
      actions.push({
        sql: value === undefined ? `${start} DROP DEFAULT` : `${start} SET DEFAULT ${said(value)}`,
        lock: null,
      })
    }
    if (properties.includes('notNull')) actions.push(notNullAction(to, context))
    else if (properties.includes('notNullName')) {
      const names = `${ident(domainNotNullName(from))} TO ${ident(domainNotNullName(to))}`
      actions.push({ sql: `${start} RENAME CONSTRAINT ${names}`, lock: null })
    }
    return { actions }
  },
}

function notNullAction(domain: SchemaObject, context: RuleContext): Action {
  const start = `ALTER DOMAIN ${quote(domain.name)}`
  if (domain.properties['notNull'] !== true) return { sql: `${start} DROP NOT NULL`, lock: null }
  const named = domain.properties['notNullName'] !== undefined
  return {
    sql: named
      ? `${start} ADD CONSTRAINT ${ident(domainNotNullName(domain))} NOT NULL`
      : `${start} SET NOT NULL`,
    lock: 'share',
    long: true,
    hazards: [mayFail(domain, 'NOT NULL'), ...readLocked(idOf(domain), context)],
  }
}

function definition({ name, properties }: SchemaObject): string {
  const { type, collation, default: value, notNull, notNullName } = properties
  const parts = [`CREATE DOMAIN ${quote(name)} AS ${said(type)}`]
  if (collation !== undefined) parts.push(`COLLATE ${said(collation)}`)
  if (value !== undefined) parts.push(`DEFAULT ${said(value)}`)
  if (typeof notNullName === 'string') parts.push(`CONSTRAINT ${ident(notNullName)}`)
  if (notNull === true) parts.push('NOT NULL')
  return parts.join(' ')
}

/** The server knows no way to look at the values of a domain that lets them be written meanwhile. */
function readLocked(domain: string, context: RuleContext): Hazard[] {
  const tables = [...new Set(tablesWith(domain, context))].filter((id) => !isQuiet(id, context))
  return tables.map((id) =>
    hazard(
      'long-lock',
      `Nobody can write to ${quote(context.before(id)?.name ?? [])} while its values are looked at.`,
    ),
  )
}

function tablesWith(domain: string, context: RuleContext): string[] {
  return context.dependentsBefore(domain).flatMap((one) => {
    if (one.kind === 'domain') return tablesWith(idOf(one), context)
    return one.kind === 'column' && one.parent !== null ? [one.parent] : []
  })
}

function mayFail(object: SchemaObject, what: string): Hazard {
  return {
    name: 'may-fail',
    detail: `Rows that hold values of ${object.name.join('.')} against ${what} stop the change.`,
  }
}

export const domainConstraintRule: KindRule = {
  create: (object, context) => {
    const add = `ALTER DOMAIN ${ownerName(object)} ADD CONSTRAINT ${ownName(object)} ${said(object.properties['definition'])}`
    if (object.properties['notValid'] === true) return [{ sql: `${add} NOT VALID`, lock: null }]
    if (isPlain(object, context)) return [{ sql: add, lock: null }]
    return [{ sql: `${add} NOT VALID`, lock: null, creates: [idOf(object)] }, validate(object, context)]
  },
  drop: (object) => [
    { sql: `ALTER DOMAIN ${ownerName(object)} DROP CONSTRAINT ${ownName(object)}`, lock: null },
  ],
  alter: ({ to, properties }, context) => {
    const validated =
      properties.length === 1 && properties[0] === 'notValid' && to.properties['notValid'] !== true
    if (!validated) return 'replace'
    const domain = to.parent as string
    return isContained(domain, context)
      ? { actions: [], rebuild: [domain] }
      : { actions: [{ ...validate(to, context), alters: [idOf(to)] }] }
  },
  unsettles: (object, context) => {
    const domain = object.parent as string
    const checked = object.properties['notValid'] !== true && context.before(domain) !== undefined
    return checked && !context.isNew(domain) && isContained(domain, context) ? [domain] : []
  },
}

/** The server checks no values that columns hold in arrays, composites and ranges of a domain: it refuses. */
function isContained(domain: string, context: RuleContext): boolean {
  return context.dependentsBefore(domain).some((other) => {
    if (other.kind === 'column') return said(other.properties['type']).endsWith('[]')
    return other.kind === 'domain' ? isContained(idOf(other), context) : isStored(other, context)
  })
}

function isStored(object: SchemaObject, context: RuleContext): boolean {
  const type = object.kind === 'attribute' ? object.parent : object.kind === 'range' ? idOf(object) : null
  if (type === null) return false
  return context
    .dependentsBefore(type)
    .some((other) => other.kind === 'column' || other.kind === 'table' || isStored(other, context))
}

function isPlain(object: SchemaObject, context: RuleContext): boolean {
  return context.options.style === 'plain' || (object.parent !== null && context.isNew(object.parent))
}

function validate(object: SchemaObject, context: RuleContext): Action {
  return {
    creates: [provedId(idOf(object))],
    sql: `ALTER DOMAIN ${ownerName(object)} VALIDATE CONSTRAINT ${ownName(object)}`,
    ownTransaction: true,
    lock: 'share',
    long: true,
    hazards: [mayFail(object, ownName(object)), ...readLocked(object.parent ?? '', context)],
  }
}

/** A partition is let go beside the running work, where the server can do that. */
import { literal } from '../../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import type { Hazard } from '../../../../plan/hazards.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import {
  attachmentsAfter,
  attachmentsBefore,
  childrenAfter,
  childrenBefore,
  goneId,
  isPartition,
  parentOf,
} from './family.ts'
import { quote } from '../names.ts'
import { brief, hazard, isQuiet, isSmall, tableOf } from '../tools.ts'

/** `ALTER TABLE … DETACH PARTITION …` without what comes after it. */
function detachText(attachment: SchemaObject): string {
  const parent = quote(attachment.properties['of'] as string[])
  return `ALTER TABLE ${parent} DETACH PARTITION ${quote(attachment.name.slice(0, 2))}`
}

/** In a moment in which nobody uses the table. One that was interrupted half way can only be ended. */
export function detached(attachment: SchemaObject, context: RuleContext): Action {
  const end = attachment.properties['detaching'] === true ? ' FINALIZE' : ''
  return brief(`${detachText(attachment)}${end}`, {
    creates: [goneId(idOf(attachment))],
    drops: [idOf(attachment)],
    hazards: referring(attachment, context),
  })
}

/** Who refers to the table is read, and cannot be written to meanwhile: no row of theirs may lose what it refers to. */
function referring(attachment: SchemaObject, context: RuleContext): Hazard[] {
  const parent = parentOf(attachment)
  const tables = [parent, ...context.partsBefore(parent).map(idOf)]
    .flatMap((id) => context.dependentsBefore(id))
    .filter(({ kind, facts }) => kind === 'constraint' && facts?.['references'] === parent)
    .filter((one) => !context.isDropped(idOf(one)) && !isQuiet(one.parent ?? '', context))
    .map((one) => tableOf(one))
  return [...new Set(tables)].map((table) =>
    hazard(
      'long-lock',
      `${table} is read while nobody can write to it, to see that no row of it refers to ${quote(attachment.name.slice(0, 2))}.`,
    ),
  )
}

/**
 * Whether it is let go for good, and nobody has to wait for that: its place is not taken by another one in the same
 * moment, and no partition takes what belongs to no other, since the server refuses then.
 */
export function leavesQuietly(attachment: SchemaObject, context: RuleContext): boolean {
  const child = attachment.parent ?? ''
  const parent = parentOf(attachment)
  const [table, former] = [context.before(child), context.before(parent)]
  if (!canBeLeft(attachment) || context.after(idOf(attachment)) !== undefined) return false
  if (table?.kind !== 'table') return false
  if (table.properties['partitionBy'] !== undefined || former === undefined) return false
  if (context.after(parent) === undefined || context.isDropped(parent)) return false
  const stays = context.after(child) !== undefined
  if (stays && (context.isDropped(child) || attachmentsAfter(child, context).length > 0)) return false
  const siblings = childrenBefore(parent, context)
  const known = new Set(siblings)
  return (
    childrenAfter(parent, context).every((one) => known.has(one) && !context.isDropped(one)) &&
    !siblings.some((one) => attachmentsBefore(one, context).some(isDefault)) &&
    siblings.some((one) => !isSmall(one, context))
  )
}

/** Not halfway out already; the server leaves a check behind that says what it accepted, which it must be able to. */
function canBeLeft(attachment: SchemaObject): boolean {
  const { properties, facts } = attachment
  return isPartition(attachment) && properties['detaching'] !== true && facts?.['accepts'] !== undefined
}

function isDefault({ properties }: SchemaObject): boolean {
  return properties['bound'] === 'DEFAULT'
}

/** Outside of transactions; what waits for the partition to be gone waits for this. */
export function detachConcurrently(attachment: SchemaObject, context: RuleContext): Action[] {
  const detach: Action = {
    sql: `${detachText(attachment)} CONCURRENTLY`,
    drops: [idOf(attachment)],
    creates: [goneId(idOf(attachment))],
    transactional: false,
    long: true,
    lock: 'access exclusive',
    hazards: referring(attachment, context),
  }
  const child = attachment.parent ?? ''
  return context.after(child) === undefined ? [detach] : [detach, withoutItsCheck(attachment, context)]
}

/** The server leaves a check behind that says what the partition held, under a name that it finds by itself. */
function withoutItsCheck(attachment: SchemaObject, context: RuleContext): Action {
  const child = attachment.parent ?? ''
  const table = quote(attachment.name.slice(0, 2))
  const known = [
    ...context.partsBefore(child),
    ...context.partsAfter(child),
    ...context.partsBefore(parentOf(attachment)),
  ]
    .filter(({ kind }) => kind === 'constraint')
    .map(({ name }) => literal(name.at(-1) ?? '').trim())
  const others =
    known.length === 0 ? '' : ` AND conname NOT IN (${[...new Set(known)].toSorted().join(', ')})`
  const body = `DECLARE made pg_catalog.name;
BEGIN
  FOR made IN SELECT conname FROM pg_catalog.pg_constraint
    WHERE conrelid = ${literal(table).trim()}::pg_catalog.regclass AND contype = 'c'${others}
  LOOP
    EXECUTE pg_catalog.format(${literal(`ALTER TABLE ${table.replaceAll('%', '%%')} DROP CONSTRAINT %I`).trim()}, made);
  END LOOP;
END`
  return brief(`DO ${literal(body).trim()}`, { drops: [idOf(attachment)] })
}

/** A table becomes, or ceases to be, a partition or a child of another. */
import { said } from '../said.ts'
import type { Action, KindRule, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { attachmentsBefore, goneId, isPartition, parentOf } from './family.ts'
import { quote } from './names.ts'
import { constraintNameOf } from './column-not-null.ts'
import { brief, hazard, isQuiet } from './tools.ts'

function create(attachment: SchemaObject, context: RuleContext): readonly Action[] {
  const child = quote(attachment.name.slice(0, 2))
  const parent = quote(attachment.properties['of'] as string[])
  const needs = leaving(attachment, context)
  if (!isPartition(attachment)) return [brief(`ALTER TABLE ${child} INHERIT ${parent}`, { needs })]
  const quiet = isQuiet(attachment.parent ?? '', context)
  const detail = `${child} is read while it is locked, to see that its rows belong there; a CHECK that says so saves that.`
  return [
    ...checksOfParent(attachment, context),
    brief(`ALTER TABLE ${parent} ATTACH PARTITION ${child} ${said(attachment.properties['bound'])}`, {
      creates: [idOf(attachment)],
      needs,
      lock: 'share update exclusive',
      hazards: quiet ? [] : [hazard('long-lock', detail)],
    }),
  ]
}

/** Columns of either table that go. */
function leaving(attachment: SchemaObject, context: RuleContext): string[] {
  return [attachment.parent ?? '', parentOf(attachment)].flatMap((table) =>
    context
      .partsBefore(table)
      .filter((part) => part.kind === 'column' && context.after(idOf(part)) === undefined)
      .map((part) => goneId(idOf(part))),
  )
}

/** A partition must have the checks of its parent before it is attached; those of its own may be the same. */
function checksOfParent(attachment: SchemaObject, context: RuleContext): Action[] {
  const child = attachment.parent ?? ''
  const own = new Set(context.partsAfter(child).map((part) => part.name.at(-1)))
  // One that was a partition before has them still.
  const kept = new Set(
    attachmentsBefore(child, context).flatMap((one) =>
      checksOf(parentOf(one), context.partsBefore).map((part) => part.name.at(-1)),
    ),
  )
  return checksOf(parentOf(attachment), context.partsAfter)
    .filter((part) => !own.has(part.name.at(-1)) && (context.isNew(child) || !kept.has(part.name.at(-1))))
    .map((part) =>
      brief(
        `ALTER TABLE ${quote(attachment.name.slice(0, 2))} ADD CONSTRAINT ${quote(part.name.slice(-1))} ${said(part.properties['definition'])}`,
        { creates: [] },
      ),
    )
}

function checksOf(table: string, partsOf: RuleContext['partsAfter']): SchemaObject[] {
  return partsOf(table).filter(
    (part) =>
      part.kind === 'constraint' &&
      part.properties['type'] === 'check' &&
      !said(part.properties['definition']).endsWith(' NO INHERIT'),
  )
}

function drop(attachment: SchemaObject, context: RuleContext): readonly Action[] {
  const child = quote(attachment.name.slice(0, 2))
  const parent = quote(attachment.properties['of'] as string[])
  if (!isPartition(attachment))
    return [
      brief(`ALTER TABLE ${child} NO INHERIT ${parent}`, {
        drops: [idOf(attachment)],
        creates: [goneId(idOf(attachment))],
      }),
    ]
  return [
    brief(`ALTER TABLE ${parent} DETACH PARTITION ${child}`, {
      creates: [goneId(idOf(attachment))],
      drops: [idOf(attachment)],
    }),
    ...leftChecks(attachment, context),
    ...leftNames(attachment, context),
  ]
}

/** Checks that came with the parent stay when it is let go. */
function leftChecks(attachment: SchemaObject, context: RuleContext): Action[] {
  const child = attachment.parent ?? ''
  if (context.isDropped(child) || context.after(idOf(attachment)) !== undefined) return []
  const wanted = new Set(context.partsAfter(child).map((part) => part.name.at(-1)))
  const own = new Set(context.partsBefore(child).map((part) => part.name.at(-1)))
  return checksOf(parentOf(attachment), context.partsBefore)
    .filter((part) => !wanted.has(part.name.at(-1)) && !own.has(part.name.at(-1)))
    .map((part) =>
      brief(
        `ALTER TABLE ${quote(attachment.name.slice(0, 2))} DROP CONSTRAINT ${quote(part.name.slice(-1))}`,
        { drops: [] },
      ),
    )
}

/** From 18 on what a parent had named NOT NULL keeps that name. */
function leftNames(attachment: SchemaObject, context: RuleContext): Action[] {
  const child = attachment.parent ?? ''
  if (context.isDropped(child) || context.after(idOf(attachment)) !== undefined) return []
  return context.partsBefore(child).flatMap((column): Action[] => {
    const after = context.after(idOf(column))
    const name = column.facts?.['notNullConstraint']
    if (column.kind !== 'column' || typeof name !== 'string' || after?.properties['notNull'] !== true)
      return []
    const wanted = constraintNameOf(after)
    if (name === wanted) return []
    const table = quote(attachment.name.slice(0, 2))
    return [
      brief(`ALTER TABLE ${table} RENAME CONSTRAINT ${quote([name])} TO ${quote([wanted])}`, { drops: [] }),
    ]
  })
}

export const attachmentRule: KindRule = {
  create,
  drop,
  // It waits for what both tables have, and need not be let go when some of that is made anew.
  stepAside: (attachment, _, dependencies, context) =>
    dependencies.includes(parentOf(attachment)) || context.isDropped(attachment.parent ?? '')
      ? undefined
      : { release: [], restore: [] },
}

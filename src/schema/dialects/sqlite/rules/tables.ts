/** Tables and what stands in their CREATE TABLE statement. */
import { sqliteIdent } from '../../../../engine/sql.ts'
import type { Action, KindRule, RuleContext } from '../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { action, fact, tableOf, writtenName } from './actions.ts'
import { columnDropped, dataLoss, tableRewrite } from './hazards.ts'
import { rebuild } from './rebuild.ts'
import { renameActions, renameStatement } from './rename.ts'
import { STRUCTURE, tableChange } from './table-change.ts'

export const table: KindRule = {
  create: (object, context) => [
    action(fact(object, 'sql'), {
      creates: [idOf(object), ...structureOf(context.partsAfter(idOf(object)))],
    }),
  ],
  drop: (object) => [
    action(`DROP TABLE ${sqliteIdent(writtenName(object))}`, {
      drops: [idOf(object)],
      hazards: [dataLoss(`The table ${writtenName(object)} and all its rows are removed.`)],
    }),
  ],
  alter: ({ id }, context) => ({ actions: spokenFor(context, id, id) }),
  rename: renameActions,
}

function structureOf(parts: readonly SchemaObject[]): string[] {
  return parts.filter(({ kind }) => STRUCTURE.has(kind)).map(idOf)
}

/** In a rebuild one part speaks for all. */
function spokenFor(context: RuleContext, tableId: string, id: string): readonly Action[] {
  const { way, leader } = tableChange(context, tableId)
  return way === 'rebuild' && leader === id ? rebuild(context, tableId) : []
}

function isAltered(context: RuleContext, object: SchemaObject): boolean {
  return tableChange(context, tableOf(object)).way === 'alter'
}

function speak(object: SchemaObject, context: RuleContext): readonly Action[] {
  return spokenFor(context, tableOf(object), idOf(object))
}

/** Constraints cannot be added or removed by themselves; in an added or dropped column they come and go with it. */
export const constraint: KindRule = {
  create: speak,
  drop: speak,
  alter: ({ to }, context) => ({ actions: speak(to, context) }),
}

export const column: KindRule = {
  create: (object, context) =>
    isAltered(context, object) ? addColumn(object, context) : speak(object, context),
  drop: (object, context) =>
    isAltered(context, object) ? dropColumn(object, context) : speak(object, context),
  alter: ({ from, to }, context) => ({
    actions: isAltered(context, to)
      ? [action(renameStatement(from, [to.name[0] as string, writtenName(to)]))]
      : speak(to, context),
  }),
  rename: renameActions,
}

function inlineParts(parts: readonly SchemaObject[], object: SchemaObject): string[] {
  return parts.filter(({ facts }) => facts?.['column'] === object.name.at(-1)).map(idOf)
}

function tableName(context: RuleContext, object: SchemaObject): string {
  const owner = context.before(tableOf(object))
  return owner === undefined ? (object.name[0] as string) : writtenName(owner)
}

function addColumn(object: SchemaObject, context: RuleContext): Action[] {
  const inline = inlineParts(context.partsAfter(tableOf(object)), object)
  const name = tableName(context, object)
  const checks = inline.some((id) => id.startsWith('check:'))
  return [
    action(`ALTER TABLE ${sqliteIdent(name)} ADD COLUMN ${fact(object, 'definition')}`, {
      creates: [idOf(object), ...inline],
      hazards: checks
        ? [{ name: 'may-fail', detail: `It fails where a row of ${name} does not satisfy the new check.` }]
        : [],
    }),
  ]
}

function dropColumn(object: SchemaObject, context: RuleContext): Action[] {
  const name = tableName(context, object)
  return [
    action(`ALTER TABLE ${sqliteIdent(name)} DROP COLUMN ${sqliteIdent(writtenName(object))}`, {
      drops: [idOf(object), ...inlineParts(context.partsBefore(tableOf(object)), object)],
      rewrites: true,
      long: true,
      hazards: [tableRewrite(name), ...columnDropped(name, object)],
    }),
  ]
}

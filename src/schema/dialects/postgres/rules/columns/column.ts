/** Columns: added, dropped, renamed. How one is altered stands in `column-change.ts`. */
import { said } from '../../said.ts'
import { ident } from '../../../../../engine/sql.ts'
import type { Action, KindRule, RuleContext, StepAside } from '../../../../plan/action.ts'
import type { Hazard } from '../../../../plan/hazards.ts'
import { sameJson } from '../../../../snapshot/canonical.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { alterColumn } from './column-change.ts'
import { fromText, holders, isInPartitionKey, isOfValues, isRestricted, textFor } from './column-type.ts'
import {
  columnExtras,
  columnText,
  generatedOf,
  identityOf,
  notNullText,
  tableIdOf,
  typeText,
} from './column-text.ts'
import {
  attachmentsAfter,
  attachmentsBefore,
  coveredByParent,
  goneId,
  isPartition,
  letGo,
  lettingGo,
  sameOn,
  stableDescendants,
  stableParents,
} from '../partitions/family.ts'
import { settledTypes } from '../types/held-types.ts'
import { ownName } from '../names.ts'
import { isHeldApart, notNullApart, notNullNotValid, withoutNotNull } from './not-null-constraint.ts'
import { withNameSaid } from './not-null-names.ts'
import { overridesOf } from './overrides.ts'
import { sequencesGoneWith } from '../sequence.ts'
import { alterRelation, brief, briefPart, hazard, isQuiet, standIn, tableOf, unlessNew } from '../tools.ts'
import { rowsId, unseen } from '../tables/unseen-moves.ts'
import { lossOfValues } from '../types/value-loss.ts'

/** Whether the server writes every row anew to add it. */
function rewritesTable({ properties, facts }: SchemaObject, context: RuleContext): boolean {
  return (
    (generatedOf(properties)?.kind !== 'virtual' && isRestricted(said(properties['type']), context)) ||
    identityOf(properties) !== undefined ||
    generatedOf(properties)?.kind === 'stored' ||
    (properties['default'] !== undefined && facts?.['volatileDefault'] === true)
  )
}

function create(column: SchemaObject, context: RuleContext): readonly Action[] {
  const tableId = tableIdOf(column)
  const table = context.after(tableId)
  const added = stableDescendants(tableId, context).flatMap((child) => {
    const same = sameOn(child, column, context.after)
    return same !== undefined && context.isNew(idOf(same)) ? [same] : []
  })
  // A child that has it as its own as well is given it first.
  const own = added.filter((child) => isOwnToo(child, attachmentsAfter(tableIdOf(child), context)))
  const brought = added.filter((child) => !own.includes(child))
  const rewrites = rewritesTable(column, context) && !isQuiet(tableId, context)
  const { properties } = column
  const filled =
    properties['default'] !== undefined ||
    generatedOf(properties) !== undefined ||
    identityOf(properties) !== undefined
  const name = column.name.join('.')
  const merged = becomingInherited(column, context)
  const heldApart = isHeldApart(column, brought, context)
  return [
    ...merged.map((child) =>
      brief(`ALTER TABLE ${tableOf(child)} RENAME COLUMN ${ownName(child)} TO ${asideName(child)}`, {
        creates: [],
      }),
    ),
    briefPart(
      table === undefined ? `ALTER TABLE ${tableOf(column)}` : alterRelation(table),
      `ADD COLUMN ${columnText(heldApart ? withoutNotNull(column) : withNameSaid(column, context))}`,
      {
        creates: [idOf(column), ...brought.map(idOf)],
        needs: [
          ...lettingGo(tableId, context),
          ...letGo(tableId, context),
          ...own.map(idOf),
          ...settledTypes(column, context),
        ],
        rewrites,
        hazards: [
          ...(rewrites
            ? [hazard('table-rewrite', `Every row of ${tableOf(column)} is written anew to fill ${name}.`)]
            : []),
          ...(notNullText(properties) !== '' && !filled
            ? unlessNew(
                tableId,
                context,
                'may-fail',
                `${name} must have a value, and the rows that are there have none.`,
              )
            : []),
        ],
      },
    ),
    ...merged.flatMap((child) => valuesBack(child, context)),
    ...(heldApart ? notNullApart(column, brought, context) : []),
    ...columnExtras(column),
    ...brought.flatMap((child) => overridesOf(withNameSaid(child, context), column)),
    ...[column, ...brought].flatMap(notNullNotValid),
  ]
}

/** Whether a child has the column whatever its parents do; a partition never. */
function isOwnToo(column: SchemaObject, attachments: readonly SchemaObject[]): boolean {
  return column.properties['inherited'] !== true && !attachments.some(isPartition)
}

/** Columns of children that are their own now, and will only be the parent's: their values move over. */
function becomingInherited(column: SchemaObject, context: RuleContext): SchemaObject[] {
  return stableDescendants(tableIdOf(column), context).flatMap((child) => {
    const [before, after] = [sameOn(child, column, context.before), sameOn(child, column, context.after)]
    const becomes =
      before !== undefined &&
      before.properties['inherited'] !== true &&
      after?.properties['inherited'] === true
    return becomes && after !== undefined && !context.isDropped(idOf(after)) ? [after] : []
  })
}

function asideName(column: SchemaObject): string {
  return ident(standIn(column.name.at(-1) ?? '', '_tenantry_own'))
}

function valuesBack(column: SchemaObject, context: RuleContext): Action[] {
  const own = asideName(column)
  const table = tableIdOf(column)
  const around = [table, ...stableDescendants(table, context)].map((id) => unseen(id, 'UPDATE', context))
  return [
    ...around.flatMap(({ before }) => before),
    {
      sql: `UPDATE ${tableOf(column)} SET ${ownName(column)} = ${own}`,
      lock: 'row exclusive',
      long: true,
      creates: [rowsId(table)],
    },
    ...around.flatMap(({ after }) => after),
    brief(`ALTER TABLE ${tableOf(column)} DROP COLUMN ${own}`, { creates: [] }),
  ]
}

function drop(column: SchemaObject, context: RuleContext): readonly Action[] {
  const tableId = tableIdOf(column)
  const table = context.before(tableId)
  const start = table === undefined ? `ALTER TABLE ${tableOf(column)}` : alterRelation(table)
  const children = stableDescendants(tableId, context).flatMap(
    (child) => sameOn(child, column, context.before) ?? [],
  )
  const gone = children.filter((child) => context.isDropped(idOf(child)))
  const own = gone.filter((child) => isOwnToo(child, attachmentsBefore(tableIdOf(child), context)))
  // A child that keeps the column as its own must not lose it with the parent.
  const only = gone.length < children.length
  const dropOf = (one: SchemaObject, sql: string, ids: readonly string[]): Action =>
    brief(sql, {
      drops: [...ids, ...sequencesGoneWith(ids, context)],
      creates: ids.map(goneId),
      hazards:
        generatedOf(one.properties) === undefined
          ? unlessNew(tableId, context, 'data-loss', `The values of ${one.name.join('.')} are removed.`)
          : [],
    })
  if (!only) {
    const ids = [column, ...gone.filter((child) => !own.includes(child))].map(idOf)
    return [
      dropOf(column, `${start} DROP COLUMN ${ownName(column)}`, ids),
      ...own.map((child) =>
        dropOf(child, `ALTER TABLE ${tableOf(child)} DROP COLUMN ${ownName(child)}`, [idOf(child)]),
      ),
    ]
  }
  return [
    dropOf(column, `${start.replace('TABLE ', 'TABLE ONLY ')} DROP COLUMN ${ownName(column)}`, [
      idOf(column),
    ]),
    ...gone.map((child) =>
      dropOf(child, `ALTER TABLE ${tableOf(child)} DROP COLUMN ${ownName(child)}`, [idOf(child)]),
    ),
  ]
}

/**
 * A column is never lost for what is made anew: its values wait as text while their type is, its default is taken
 * away and given again. A generated one is computed again.
 */
function stepAside(
  from: SchemaObject,
  to: SchemaObject,
  dependencies: readonly string[],
  context: RuleContext,
): StepAside | undefined {
  if (generatedOf(from.properties) !== undefined) return undefined
  const typed = dependencies.some((id) => isOfValues(from, id))
  const column = `ALTER COLUMN ${ownName(to)}`
  const alter = `ALTER TABLE ${typed ? '' : 'ONLY '}${tableOf(to)}`
  const hasDefault = from.properties['default'] !== undefined
  const after = to.properties['default']
  const given = after === undefined ? [] : [`${column} SET DEFAULT ${said(after)}`]
  if (!typed) {
    return {
      release: hasDefault ? [brief(`${alter} ${column} DROP DEFAULT`)] : [],
      restore: given.map((part) => brief(`${alter} ${part}`)),
    }
  }
  if (isInPartitionKey(from, context)) return { release: [], restore: [], rebuild: [tableIdOf(to)] }
  if (coveredByParent({ from, to }, 'type', context)) {
    return { ...defaultOfChild(from, to, context), rebuild: inTheWay(from, context) }
  }
  const beside = dependencies.every((id) => !isOfValues(from, id) || isEnumBeside(id, context))
  const isArray = ({ properties }: SchemaObject): boolean => said(properties['type']).endsWith('[]')
  return beside && isArray(from) === isArray(to)
    ? typeBeside(from, to, context, { alter, column, given })
    : typeAside(from, to, context, { alter, column, given })
}

/** Its parent's statement gives it the type, and the parent's default. */
function defaultOfChild(
  from: SchemaObject,
  to: SchemaObject,
  context: RuleContext,
): Pick<StepAside, 'release' | 'restore'> {
  const above = stableParents(tableIdOf(to), context)
  const column = `ALTER TABLE ONLY ${tableOf(to)} ALTER COLUMN ${ownName(to)}`
  const [before, after] = [from.properties['default'], to.properties['default']]
  const isOwn = (value: unknown, lookUp: RuleContext['after']): boolean =>
    above.some((parent) => sameOn(parent, to, lookUp)?.properties['default'] !== value)
  const given = after === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${said(after)}`
  const needs = above.flatMap((parent) => sameOn(parent, to, context.after) ?? []).map(idOf)
  return {
    release: before !== undefined && isOwn(before, context.before) ? [brief(`${column} DROP DEFAULT`)] : [],
    restore: isOwn(after, context.after) ? [brief(`${column} ${given}`, { needs })] : [],
  }
}

/** Whether the former one is there for as long as it is needed. */
function isEnumBeside(id: string, context: RuleContext): boolean {
  return id.startsWith('enum:') && context.after(id) !== undefined
}

/** The former type is there until the column is of the new one. */
function typeBeside(
  from: SchemaObject,
  to: SchemaObject,
  context: RuleContext,
  { alter, column, given }: { alter: string; column: string; given: readonly string[] },
): StepAside {
  const rewrites = !isQuiet(tableIdOf(to), context)
  const why = `${tableOf(to)} is written anew: the type of ${to.name.join('.')} is made anew.`
  const restore = [
    `${column} DROP DEFAULT`,
    `${column} TYPE ${typeText(to.properties)} USING ${fromText(ownName(to), said(from.properties['type']), said(to.properties['type']))}`,
    ...given,
  ]
  return {
    release: from.properties['default'] === undefined ? [] : [brief(`${alter} ${column} DROP DEFAULT`)],
    restore: [
      briefPart(alter, restore.join(', '), {
        rewrites,
        hazards: [...(rewrites ? [hazard('table-rewrite', why)] : []), ...readAgain(from, to, context)],
        needs: settledTypes(to, context),
      }),
    ],
    // Indexes are built anew with the table.
    rebuild: [...holders(from, context), ...toldOtherwise(from, context)],
  }
}

function typeAside(
  from: SchemaObject,
  to: SchemaObject,
  context: RuleContext,
  { alter, column, given }: { alter: string; column: string; given: readonly string[] },
): StepAside {
  const [type, text] = [said(to.properties['type']), textFor(said(from.properties['type']))]
  const rewrites = !isQuiet(tableIdOf(to), context)
  const why = `${tableOf(to)} is written anew, twice: the type of ${to.name.join('.')} is made anew.`
  const costs = { rewrites, hazards: rewrites ? [hazard('table-rewrite', why)] : [] }
  const back = { rewrites, hazards: [...costs.hazards, ...readAgain(from, to, context)] }
  const name = ownName(to)
  const release = [
    `${column} DROP DEFAULT`,
    `${column} TYPE ${text} COLLATE pg_catalog."default" USING ${name}::${text}`,
  ]
  const restore = [
    `${column} DROP DEFAULT`,
    `${column} TYPE ${typeText(to.properties)} USING ${fromText(name, said(from.properties['type']), type)}`,
    ...given,
  ]
  return {
    release: [brief(`${alter} ${release.join(', ')}`, costs)],
    restore: [brief(`${alter} ${restore.join(', ')}`, { ...back, needs: settledTypes(to, context) })],
    rebuild: inTheWay(from, context),
  }
}

/** What may become of values that are read from their text. */
function readAgain(from: SchemaObject, to: SchemaObject, context: RuleContext): Hazard[] {
  const [tableId, name] = [tableIdOf(to), to.name.join('.')]
  const [before, after] = [said(from.properties['type']), said(to.properties['type'])]
  const loss = lossOfValues(before, after, true, context)
  const unfit = `It fails when a value of ${name} is none of ${after} as that is made anew.`
  return [
    ...(loss === undefined ? [] : unlessNew(tableId, context, 'data-loss', `${name}: ${loss}`)),
    ...unlessNew(tableId, context, 'may-fail', unfit),
  ]
}

function inTheWay(column: SchemaObject, context: RuleContext): string[] {
  return [...holders(column, context), ...notOfText(column, context), ...toldOtherwise(column, context)]
}

/** What is written otherwise for the new type is not understood in between, nor afterwards what makes a text of it. */
function toldOtherwise(column: SchemaObject, context: RuleContext): string[] {
  return context
    .dependentsBefore(idOf(column))
    .filter(({ kind }) => kind === 'index' || kind === 'constraint' || kind === 'statistics')
    .filter((object) => {
      const after = context.after(idOf(object))
      return after !== undefined && (!sameJson(after.properties, object.properties) || castsToText(object))
    })
    .map(idOf)
}

/** Not of a literal: a cast that is none while the values are text is left out, and missed when they are not. */
function castsToText({ properties }: SchemaObject): boolean {
  return /[)\w"]::text/.test(`${said(properties['definition'])} ${said(properties['using'])}`)
}

/** Indexes and exclusions by methods that know nothing of text, while the values are text. */
function notOfText(column: SchemaObject, context: RuleContext): string[] {
  return context
    .dependentsBefore(idOf(column))
    .filter(({ kind, properties }) =>
      kind === 'index'
        ? !/^(btree|hash) /.test(said(properties['using']))
        : kind === 'constraint' &&
          properties['type'] === 'exclusion' &&
          !said(properties['definition']).startsWith('EXCLUDE USING btree '),
    )
    .map(idOf)
}

export const columnRule: KindRule = {
  create,
  drop,
  alter: alterColumn,
  stepAside,
  rename: ({ from, to }) => [
    brief(`ALTER TABLE ${tableOf(from)} RENAME COLUMN ${ownName(from)} TO ${ownName(to)}`),
  ],
}

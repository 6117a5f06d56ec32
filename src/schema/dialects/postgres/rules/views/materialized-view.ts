/** Materialized views: another query makes another one, filled beside the old one while that is there to be read. */
import type { Action, KindRule, RuleContext } from '../../../../plan/action.ts'
import { sameJson } from '../../../../snapshot/canonical.ts'
import { idOf, objectId, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { ident, literal } from '../../../../../engine/sql.ts'
import { withoutDefaults } from '../annotations/access.ts'
import { columnList, plainColumns, queryOf } from './view-column.ts'
import { buildOn, indexExtras, indexName } from '../indexes/index-build.ts'
import { textOfIndex } from '../indexes/index-rule.ts'
import { quote } from '../names.ts'
import {
  brief,
  hazard,
  isSmall,
  standIn,
  optionChanges,
  optionList,
  optionsIn,
  type Options,
} from '../tools.ts'
import { said } from '../../said.ts'

export const materializedViewRule: KindRule = {
  create: (object, context) => {
    if (standsBeside(object, context)) return besideTheOld(object, context)
    const later = isFilledLater(object, context)
    const detail = `${object.name.join('.')}, and what stands on it, is not there until it is filled anew.`
    const hidden = later ? withoutDefaults(object, `TABLE ${quote(object.name)}`, context) : []
    return [
      {
        // In one step: default privileges would let roles read it before they are taken.
        sql: [definition(object, context, object.name), ...hidden].join('; '),
        creates: [idOf(object), ...plainColumns(object, context)],
        lock: null,
        long: isFilled(object, context),
        ownTransaction: later,
        hazards: later ? [hazard('long-lock', detail)] : [],
      },
    ]
  },
  drop: (object, context) => [
    brief(`DROP MATERIALIZED VIEW ${quote(object.name)}`, {
      hazards:
        context.after(idOf(object)) === undefined &&
        object.facts?.['unpopulated'] !== true &&
        !isLeftBehind(object)
          ? [
              hazard(
                'data-loss',
                `The rows that the materialized view ${object.name.join('.')} keeps are removed.`,
              ),
            ]
          : [],
    }),
  ],
  alter: ({ from, to, properties }) => {
    if (properties.includes('definition')) return 'replace'
    const start = `ALTER MATERIALIZED VIEW ${quote(to.name)}`
    const changes = optionChanges(allOptions(from), allOptions(to)).map((change) =>
      brief(`${start} ${change}`),
    )
    const rewrite = {
      rewrites: true,
      hazards: [hazard('table-rewrite', `${to.name.join('.')} is written anew.`)],
    }
    if (properties.includes('accessMethod')) {
      const method = to.properties['accessMethod'] ?? 'heap'
      changes.push(brief(`${start} SET ACCESS METHOD ${ident(said(method))}`, rewrite))
    }
    if (properties.includes('tablespace')) {
      const place = to.properties['tablespace'] ?? 'pg_default'
      changes.push(brief(`${start} SET TABLESPACE ${ident(said(place))}`, rewrite))
    }
    return { actions: changes }
  },
  rename: ({ from, to }) => [
    brief(`ALTER MATERIALIZED VIEW ${quote(from.name)} RENAME TO ${ident(to.name.at(-1) as string)}`),
  ],
}

/** One that was filled stays filled; nothing can be read from one that stays empty. */
function isFilled(object: SchemaObject, context: RuleContext): boolean {
  const filled = (context.before(idOf(object)) ?? object).facts?.['unpopulated'] !== true
  return filled && object.dependsOn.every((id) => canBeRead(id, context))
}

function canBeRead(id: string, context: RuleContext): boolean {
  const object = context.after(id)
  if (object?.kind === 'view_column') return canBeRead(object.parent as string, context)
  if (object?.kind === 'materialized_view') return isFilled(object, context)
  return object?.kind !== 'view' || object.dependsOn.every((other) => canBeRead(other, context))
}

function allOptions({ properties }: SchemaObject): Options {
  const toast = Object.entries(optionsIn(properties, 'toastOptions'))
  return {
    ...optionsIn(properties),
    ...Object.fromEntries(toast.map(([name, value]) => [`toast.${name}`, value])),
  }
}

/** Made anew because of what it reads: that is in use, and is not to be locked until this is filled. */
function isFilledLater(object: SchemaObject, context: RuleContext): boolean {
  const id = idOf(object)
  return context.before(id) !== undefined && isFilled(object, context) && !isSmall(id, context)
}

function besideName({ name }: Pick<SchemaObject, 'name'>): string[] {
  return [name[0] ?? '', standIn(name[1] ?? '', '_tenantry_new')]
}

const [MARK_BEFORE, MARK_AFTER] = ['Tenantry fills this to take the place of ', '; it can be dropped.']

/** The comment of what is filled beside another, for as long as it has not taken its place. */
function markOf({ name }: Pick<SchemaObject, 'name'>): string {
  return `${MARK_BEFORE}${name.at(-1) ?? ''}${MARK_AFTER}`
}

/** Whether an earlier plan made it, which did not come to its end: all that it keeps can be had again. */
function isLeftBehind({ name, properties }: SchemaObject): boolean {
  const comment = said(properties['comment'])
  const former = [name[0] ?? '', comment.slice(MARK_BEFORE.length, -MARK_AFTER.length)]
  return comment === markOf({ name: former }) && besideName({ name: former }).at(-1) === name.at(-1)
}

/** What has the name already, and goes. */
function inTheWay(object: SchemaObject, context: RuleContext): SchemaObject | undefined {
  return context.before(objectId('materialized_view', ...besideName(object)))
}

/**
 * Whether the new one can be made while the old one is there: nothing that either reads is changed by this plan, but
 * for what is new.
 */
function standsBeside(object: SchemaObject, context: RuleContext): boolean {
  const id = idOf(object)
  const before = context.before(id)
  if (before === undefined || before.facts?.['unpopulated'] === true) return false
  if (!isFilled(object, context) || isSmall(id, context)) return false
  const former = inTheWay(object, context)
  if (former !== undefined && (!isLeftBehind(former) || context.after(idOf(former)) !== undefined))
    return false
  const stays = (needed: string): boolean => {
    const [one, other] = [context.before(needed), context.after(needed)]
    if (one === undefined || other === undefined || context.isDropped(needed)) return false
    const parent = other.parent === null ? undefined : context.after(other.parent)
    return sameJson(one.properties, other.properties) && (parent === undefined || stays(idOf(parent)))
  }
  const isNew = (needed: string): boolean =>
    context.before(needed) === undefined && !needed.startsWith('view_column:')
  return before.dependsOn.every(stays) && object.dependsOn.every((needed) => isNew(needed) || stays(needed))
}

/** It is filled, and its indexes are built, under another name; then it takes the old one's place in a moment. */
function besideTheOld(object: SchemaObject, context: RuleContext): Action[] {
  const id = idOf(object)
  const name = besideName(object)
  const keeps = [id, ...allOnIt(id, context)]
  const work = { lock: null, long: true, ownTransaction: true, creates: [], keeps } as const
  const indexes = context.partsAfter(id).filter(({ kind }) => kind === 'index')
  const temporary = (index: SchemaObject): string => standIn(index.name.at(-1) ?? '', '_tenantry_new')
  const former = inTheWay(object, context)
  const comment = 'COMMENT ON MATERIALIZED VIEW'
  const mark = `${comment} ${quote(name)} IS ${literal(markOf(object)).trim()}`
  const hidden = withoutDefaults(object, `TABLE ${quote(name)}`, context)
  const rename = `ALTER MATERIALIZED VIEW ${quote(name)} RENAME TO ${ident(object.name.at(-1) as string)}`
  return [
    {
      ...work,
      // In one step: without the mark nobody can tell whose it is, and default privileges would let roles read it.
      sql: [definition(object, context, name), mark, ...hidden].join('; '),
      needs: [...object.dependsOn, ...(former === undefined ? [] : [idOf(former)])],
    },
    ...indexes.map((index) => ({ ...work, sql: buildOn(name, index, textOfIndex(index), temporary(index)) })),
    brief(rename, {
      creates: [id, ...plainColumns(object, context), ...indexes.map(idOf)],
    }),
    brief(`${comment} ${quote(object.name)} IS NULL`, { creates: [], lock: 'share update exclusive' }),
    ...indexes.flatMap((index) => [
      brief(`ALTER INDEX ${indexName(index, temporary(index))} RENAME TO ${ident(index.name.at(-1) ?? '')}`, {
        creates: [],
      }),
      ...indexExtras(index, context),
    ]),
  ]
}

/** Ids of all that depends on it, and goes before it does. */
function allOnIt(id: string, context: RuleContext, found = new Set<string>()): Set<string> {
  const parts = [id, ...context.partsBefore(id).map(idOf)]
  for (const dependent of parts.flatMap((part) => context.dependentsBefore(part).map(idOf))) {
    if (found.has(dependent) || dependent === id) continue
    found.add(dependent)
    allOnIt(dependent, context, found)
  }
  return found
}

function definition(object: SchemaObject, context: RuleContext, name: readonly string[]): string {
  const { accessMethod, tablespace } = object.properties
  const options = optionList(allOptions(object))
  return [
    `CREATE MATERIALIZED VIEW ${quote(name)}${columnList(object, context)}`,
    ...(accessMethod === undefined ? [] : [`USING ${ident(said(accessMethod))}`]),
    ...(options === '' ? [] : [`WITH (${options})`]),
    ...(tablespace === undefined ? [] : [`TABLESPACE ${ident(said(tablespace))}`]),
    `AS\n${queryOf(object)}`,
    ...(isFilled(object, context) ? [] : ['WITH NO DATA']),
  ].join(' ')
}

/** Constraints: checked beside the running work, and never missing while they are changed. */
import { said } from '../../said.ts'
import { ident } from '../../../../../engine/sql.ts'
import type { Altered } from '../../../../diff/diff.ts'
import type { Action, AlterAnswer, KindRule, RuleContext } from '../../../../plan/action.ts'
import { idOf, objectId, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { attachedId, childrenAfter, goneId, lettingGo, stableDescendants } from '../partitions/family.ts'
import { heldNoMore } from './check-family.ts'
import { checksBelow, comesFromParent, goesToParent, goneBefore } from './constraint-family.ts'
import { broughtBelow, comesWithParent, isExclusion, renamed } from './exclusion-family.ts'
import {
  build,
  changeInPlace,
  indexExtras,
  isPartitioned,
  keepsUnique,
  noReplicaIdentity,
  type IndexText,
} from '../indexes/index-build.ts'
import {
  attachedParts,
  becomes,
  formerOf,
  goesWith,
  goneAs,
  passingName,
  twins,
  unsettledBy,
} from '../indexes/index-family.ts'
import { isNameHeld } from '../indexes/held-names.ts'
import { settledPartitions } from '../indexes/incomplete.ts'
import { arrivalsBelow, formerAttachments } from './given-checks.ts'
import { typesChange } from '../indexes/index-rule.ts'
import {
  alterRelation,
  brief,
  hazard,
  isQuiet,
  majorOf,
  optionList,
  optionsIn,
  standIn,
  tableOf,
  textOf,
  unlessNew,
} from '../tools.ts'

/** `DEFERRABLE INITIALLY DEFERRED` and the like, with a blank before it. */
function deferral({ properties }: SchemaObject): string {
  return `${properties['deferrable'] === true ? ' DEFERRABLE' : ''}${properties['deferred'] === true ? ' INITIALLY DEFERRED' : ''}`
}

function definitionOf(constraint: SchemaObject): string {
  const { properties } = constraint
  const options = optionsIn(properties)
  const tablespace = textOf(properties, 'tablespace')
  const text = said(properties['definition'])
  // What an exclusion is limited to comes after the options of its index.
  const at = properties['type'] === 'exclusion' ? text.search(/ WHERE \(/) : -1
  const [head, condition] = at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)]
  const parameters = Object.keys(options).length === 0 ? '' : ` WITH (${optionList(options)})`
  const space = tablespace === undefined ? '' : ` USING INDEX TABLESPACE ${ident(tablespace)}`
  const enforced = head.endsWith(' NOT ENFORCED')
  const core = enforced ? head.slice(0, -' NOT ENFORCED'.length) : head
  return `${core}${parameters}${space}${condition}${deferral(constraint)}${enforced ? ' NOT ENFORCED' : ''}`
}

/** `UNIQUE (a) INCLUDE (b)` as an index; undefined when it can only be made as a constraint. */
function indexOf(constraint: SchemaObject): IndexText | undefined {
  const found = /^(?:PRIMARY KEY|UNIQUE)( NULLS NOT DISTINCT)? (\(.*)$/s.exec(
    said(constraint.properties['definition']),
  )
  if (found === null || found[2] === undefined || found[2].includes(' WITHOUT OVERLAPS)')) return undefined
  return { unique: true, using: `btree ${found[2]}${found[1] ?? ''}` }
}

function addUsing(constraint: SchemaObject, index: string): string {
  const type = constraint.properties['type'] === 'primary key' ? 'PRIMARY KEY' : 'UNIQUE'
  return `ADD CONSTRAINT ${ownName(constraint)} ${type} USING INDEX ${ident(index)}${deferral(constraint)}`
}

function ownName(constraint: SchemaObject): string {
  return ident(constraint.name.at(-1) ?? '')
}

function create(constraint: SchemaObject, context: RuleContext): readonly Action[] {
  const former = formerOf(constraint, context)
  if (former !== undefined) {
    const own = constraint.name.at(-1) ?? ''
    return [{ ...renamedTo(constraint, passingName(constraint), own), needs: [goneId(idOf(former))] }]
  }
  if (comesFromParent(constraint, context) || comesWithParent(constraint)) return []
  switch (constraint.properties['type']) {
    case 'primary key':
    case 'unique':
      return createKey(constraint, context)
    case 'foreign key':
      return createForeignKey(constraint, context)
    case 'check':
      return createChecked(constraint, context, [
        ...lettingGo(constraint.parent ?? '', context),
        ...checksBelow(constraint, context).map((child) => goneId(idOf(child))),
        ...arrivalsBelow(constraint.parent ?? '', context),
        ...formerAttachments(constraint.parent ?? '', context),
      ])
    default:
      return createPlain(constraint, context)
  }
}

function alterTable(constraint: SchemaObject, context: RuleContext): string {
  const table = context.after(constraint.parent ?? '') ?? context.before(constraint.parent ?? '')
  return table === undefined ? `ALTER TABLE ${tableOf(constraint)}` : alterRelation(table)
}

function createKey(constraint: SchemaObject, context: RuleContext): Action[] {
  const tableId = constraint.parent ?? ''
  const index = indexOf(constraint)
  const existing = index === undefined ? undefined : reusable(constraint, index, context)
  if (existing !== undefined) {
    return [
      ...noReplicaIdentity(existing, context),
      brief(`ALTER TABLE ${tableOf(constraint)} ${addUsing(constraint, existing.name.at(-1) ?? '')}`, {
        creates: [idOf(constraint)],
        drops: [idOf(existing)],
      }),
      ...indexExtras(constraint, context),
    ]
  }
  const quiet = isPartitioned(tableId, context) || isQuiet(tableId, context)
  if (index === undefined || quiet || keepsUnique(constraint, context))
    return createPlain(constraint, context)
  const own = constraint.name.at(-1) ?? ''
  const held = isNameHeld(context.source, constraint, context.before(idOf(constraint)))
  const name = held ? standIn(own, '_tenantry_new') : own
  return [
    ...build(constraint, index, context, name),
    brief(`ALTER TABLE ${tableOf(constraint)} ${addUsing(constraint, name)}`, {
      creates: [idOf(constraint)],
    }),
    ...indexExtras(constraint, context),
  ]
}

/** A unique index that would be dropped, and that the constraint can be made of. */
function reusable(constraint: SchemaObject, text: IndexText, context: RuleContext): SchemaObject | undefined {
  const tableId = constraint.parent ?? ''
  if (context.isDropped(tableId) || isPartitioned(tableId, context)) return undefined
  if (context.before(idOf(constraint)) !== undefined || typesChange(constraint, context)) return undefined
  return context.partsBefore(tableId).find((part) => {
    if (part.kind !== 'index' || part.properties['unique'] !== true || !context.isDropped(idOf(part)))
      return false
    const id = idOf(part)
    if (context.after(id) !== undefined || context.dependentsBefore(id).length > 0) return false
    return (
      part.properties['using'] === text.using &&
      part.properties['clustered'] === constraint.properties['clustered'] &&
      JSON.stringify(optionsIn(part.properties)) === JSON.stringify(optionsIn(constraint.properties))
    )
  })
}

function createPlain(constraint: SchemaObject, context: RuleContext): Action[] {
  const tableId = constraint.parent ?? ''
  const withIndex = constraint.properties['type'] !== 'check'
  const partitioned = withIndex && isPartitioned(tableId, context)
  const only = partitioned && !isExclusion(constraint) ? 'ONLY ' : ''
  const name = constraint.name.join('.')
  const brought = broughtBelow(constraint, context)
  const worked = [...(partitioned ? [] : [tableId]), ...brought.map(({ parent }) => parent ?? '')]
  const quiet = worked.every((id) => isPartitioned(id, context) || isQuiet(id, context))
  return [
    brief(
      `ALTER TABLE ${only}${tableOf(constraint)} ADD CONSTRAINT ${ownName(constraint)} ${definitionOf(constraint)}`,
      {
        creates: [idOf(constraint), ...brought.map(idOf)],
        needs: [
          ...twins(constraint, context),
          ...(partitioned ? settledPartitions(constraint, context) : []),
        ],
        hazards: [
          ...unlessNew(tableId, context, 'may-fail', `It fails when rows break ${name}.`),
          ...(quiet
            ? []
            : [hazard('long-lock', `${tableOf(constraint)} is locked while ${name} is checked.`)]),
        ],
      },
    ),
    ...renamed(brought),
    ...indexExtras(constraint, context),
  ]
}

/** Added for new rows first, then checked for the old ones without keeping anybody from work. */
function createChecked(constraint: SchemaObject, context: RuleContext, needs: readonly string[]): Action[] {
  const tableId = constraint.parent ?? ''
  const notValid = constraint.properties['notValid'] === true
  const enforced = !definitionOf(constraint).endsWith(' NOT ENFORCED')
  const lock = constraint.properties['type'] === 'check' ? 'access exclusive' : 'share row exclusive'
  const apart = !notValid && enforced && !isQuiet(tableId, context)
  const name = constraint.name.join('.')
  const hazards =
    notValid || !enforced ? [] : unlessNew(tableId, context, 'may-fail', `It fails when rows break ${name}.`)
  const add = `${alterTable(constraint, context)} ADD CONSTRAINT ${ownName(constraint)} ${definitionOf(constraint)}`
  return [
    {
      sql: `${add}${notValid || apart ? ' NOT VALID' : ''}`,
      lock,
      creates: [idOf(constraint)],
      needs,
      hazards,
    },
    ...(apart ? [validate(constraint)] : []),
  ]
}

function validate(constraint: SchemaObject): Action {
  return {
    sql: `ALTER TABLE ${tableOf(constraint)} VALIDATE CONSTRAINT ${ownName(constraint)}`,
    lock: 'share update exclusive',
    long: true,
    ownTransaction: true,
    ...(constraint.properties['type'] === 'check' ? { part: proof(constraint) } : {}),
  }
}

/** Rows are read once for all that is proved of them in one statement. */
function proof(constraint: SchemaObject): { table: string; does: string } {
  return { table: `ALTER TABLE ${tableOf(constraint)}`, does: `VALIDATE CONSTRAINT ${ownName(constraint)}` }
}

/** To a partitioned table it needs the whole of that table's index, on partitioned ones it goes from below. */
function createForeignKey(constraint: SchemaObject, context: RuleContext): Action[] {
  const tableId = constraint.parent ?? ''
  const needs = [
    // Both tables are as lasting as they are to be.
    tableId,
    said(constraint.facts?.['references']),
    ...referencedParts(constraint, context),
    ...otherKeys(constraint, context),
    ...lettingGo(tableId, context),
    ...goneBefore(constraint, context),
  ]
  const partitions =
    isPartitioned(tableId, context) && majorOf(context) < 18 ? stableDescendants(tableId, context) : []
  if (!isPartitioned(tableId, context) || majorOf(context) >= 18)
    return createChecked(constraint, context, needs)
  const leaves = isQuiet(tableId, context) ? [] : partitions.filter((id) => !isPartitioned(id, context))
  const onLeaves = leaves.flatMap((leaf): Action[] => {
    const table = context.after(leaf)
    if (table === undefined) return []
    const own = { ...constraint, parent: leaf, name: [...table.name, constraint.name.at(-1) ?? ''] }
    return createChecked(own, context, [...needs, ...constraint.dependsOn]).map((action) => ({
      ...action,
      creates: [],
    }))
  })
  return [
    ...onLeaves,
    {
      sql: `ALTER TABLE ${tableOf(constraint)} ADD CONSTRAINT ${ownName(constraint)} ${definitionOf(constraint)}`,
      lock: 'access exclusive',
      creates: [idOf(constraint)],
      needs,
      hazards: unlessNew(
        tableId,
        context,
        'may-fail',
        `It fails when rows break ${constraint.name.join('.')}.`,
      ),
    },
  ]
}

/** Ids of the indexes of partitions that must be attached before the referenced key is whole. */
function referencedParts(constraint: SchemaObject, context: RuleContext): string[] {
  const table = constraint.facts?.['references']
  const key = constraint.facts?.['referencesKey']
  if (typeof table !== 'string' || typeof key !== 'string') return []
  const whole = (tableId: string, name: string): string[] => {
    const parent = context.after(tableId)
    if (parent === undefined) return []
    const part = { ...parent, kind: 'constraint', name: [...parent.name, name] }
    return attachedParts(part, childrenAfter(tableId, context), context.partsAfter).flatMap((one) => [
      idOf(one),
      attachedId(idOf(one)),
      ...attachmentOf(one, context),
      ...whole(one.parent ?? '', one.name.at(-1) ?? ''),
    ])
  }
  return whole(table, key)
}

/** The server takes the first key that fits: those that go, or change, must have done so. */
function otherKeys(constraint: SchemaObject, context: RuleContext): string[] {
  const table = constraint.facts?.['references']
  if (typeof table !== 'string') return []
  return context
    .partsBefore(table)
    .filter(({ kind, properties }) =>
      kind === 'index'
        ? properties['unique'] === true
        : kind === 'constraint' && KEYS.has(said(properties['type'])),
    )
    .flatMap((key) => [idOf(key), goneId(idOf(key))])
}

const KEYS = new Set(['primary key', 'unique'])

/** A partition that is new brings its index along when it is attached. */
function attachmentOf(part: SchemaObject, context: RuleContext): string[] {
  const id = objectId('attachment', ...part.name.slice(0, 2))
  return context.isNew(id) && context.after(id) !== undefined ? [id] : []
}

function drop(constraint: SchemaObject, context: RuleContext): readonly Action[] {
  if (goesToParent(constraint, context)) return heldNoMore(constraint, context) ?? []
  const other = becomes(constraint, context)
  if (other !== undefined) {
    const own = constraint.name.at(-1) ?? ''
    return [{ ...renamedTo(constraint, own, passingName(other)), ...goneAs(constraint) }]
  }
  const parts = goesWith(constraint, context)
  return [
    ...noReplicaIdentity(constraint, context),
    brief(`${alterTable(constraint, context)} DROP CONSTRAINT ${ownName(constraint)}`, {
      drops: [idOf(constraint), ...parts.map(idOf)],
      creates: [goneId(idOf(constraint))],
    }),
    ...checksBelow(constraint, context).map((child) =>
      brief(`ALTER TABLE ${tableOf(child)} DROP CONSTRAINT ${ownName(child)}`, {
        drops: [idOf(child)],
        creates: [goneId(idOf(child))],
      }),
    ),
  ]
}

function alter(change: Altered, context: RuleContext): AlterAnswer | 'replace' {
  const { from, to, properties } = change
  const type = to.properties['type']
  if (properties.includes('type')) return 'replace'
  if (type === 'primary key' || type === 'unique' || type === 'exclusion') return alterKey(change, context)
  if (properties.length === 1 && properties[0] === 'notValid') {
    return to.properties['notValid'] === true ? 'replace' : { actions: [validate(to)] }
  }
  const deferralOnly = properties.every((name) => name === 'deferrable' || name === 'deferred')
  if (type === 'foreign key' && deferralOnly) {
    const words = deferral(to) === '' ? ' NOT DEFERRABLE' : deferral(to)
    return { actions: [brief(`ALTER TABLE ${tableOf(to)} ALTER CONSTRAINT ${ownName(from)}${words}`)] }
  }
  return 'replace'
}

/** The new index is there before the old one goes: both in the moment of one statement. */
function alterKey(change: Altered, context: RuleContext): AlterAnswer | 'replace' {
  const { from, to } = change
  const tableId = to.parent ?? ''
  if (change.properties.includes('attachedTo') && comesWithParent(to)) return 'replace'
  const inPlace = changeInPlace(change, context)
  if (inPlace !== undefined) return { actions: inPlace }
  const index = indexOf(to)
  const attached = from.properties['attachedTo'] !== undefined || to.properties['attachedTo'] !== undefined
  const partitioned = context.before(tableId)?.properties['partitionBy'] !== undefined
  if (
    index === undefined ||
    attached ||
    partitioned ||
    isQuiet(tableId, context) ||
    typesChange(from, context)
  )
    return 'replace'
  const name = standIn(to.name.at(-1) ?? '', '_tenantry_new')
  return {
    actions: [
      ...build(to, index, context, name),
      brief(`ALTER TABLE ${tableOf(to)} DROP CONSTRAINT ${ownName(from)}, ${addUsing(to, name)}`),
      ...indexExtras(to, context),
    ].map((action: Action) => ({ alters: [idOf(to)], ...action })),
    rebuild: context
      .dependentsBefore(idOf(from))
      .filter(({ kind }) => kind === 'constraint')
      .map(idOf),
  }
}

function renamedTo(constraint: SchemaObject, from: string, to: string): Action {
  return brief(`ALTER TABLE ${tableOf(constraint)} RENAME CONSTRAINT ${ident(from)} TO ${ident(to)}`)
}

export const constraintRule: KindRule = {
  create,
  drop,
  alter,
  unsettles: unsettledBy,
  rename: ({ from, to }) => [renamedTo(from, from.name.at(-1) ?? '', to.name.at(-1) ?? '')],
}

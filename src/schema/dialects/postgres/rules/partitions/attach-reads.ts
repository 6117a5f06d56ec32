/** What the server reads of tables in use when a partition is attached, and what spares that. */
import { said } from '../../said.ts'
import { ident } from '../../../../../engine/sql.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import type { Hazard } from '../../../../plan/hazards.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import { parenthesised } from '../columns/column-text.ts'
import { quote } from '../names.ts'
import { brief, hazard, isQuiet, standIn, validation } from '../tools.ts'
import { attachmentsAfter, attachmentsBefore, parentOf, stableChildren } from './family.ts'

interface Read {
  /** Quoted. */
  readonly table: string
  /** What holds for its rows in the end, when that can be said beforehand. */
  readonly accepts: string | undefined
  /** What a check that is there before the attachment keeps from working. */
  readonly refuses?: string
}

/** Tables in use that PostgreSQL reads while it keeps them locked: the new partition, and the one that took its rows so far. */
export function readByAttaching(attachment: SchemaObject, context: RuleContext): Read[] {
  const accepts = acceptsOf(attachment)
  const child = attachment.parent ?? ''
  const parent = parentOf(attachment)
  const reads: Read[] = []
  if (!isQuiet(child, context)) reads.push({ table: quote(attachment.name.slice(0, 2)), accepts })
  for (const sibling of stableChildren(parent, context)) {
    const isDefault = attachmentsBefore(sibling, context).some((one) => one.properties['bound'] === 'DEFAULT')
    if (!isDefault || isQuiet(sibling, context)) continue
    // What a partition accepts says also what its parent does, as a partition: that is not to be denied.
    const nested = attachmentsAfter(parent, context).length > 0
    reads.push({
      table: quote(context.before(sibling)?.name ?? []),
      accepts: accepts === undefined || nested ? undefined : `NOT ${parenthesised(accepts)}`,
      refuses: `Rows that belong to ${quote(attachment.name.slice(0, 2))} are refused until it is attached.`,
    })
  }
  return reads
}

/** Of the default partition it depends on its siblings of the moment, by hash it names the parent by its oid. */
function acceptsOf({ properties, facts }: SchemaObject): string | undefined {
  const accepts = facts?.['accepts']
  if (typeof accepts !== 'string' || properties['bound'] === 'DEFAULT') return undefined
  return accepts.includes('satisfies_hash_partition(') ? undefined : accepts
}

/** Where the server cannot say what would be in the partition, for which it looks at any table that is attached. */
export function refusedByServer(attachment: SchemaObject, context: RuleContext): Hazard[] {
  const { properties, facts } = attachment
  const table = context.after(parentOf(attachment))
  const byRange = said(table?.properties['partitionBy']).startsWith('RANGE ')
  if (!byRange || facts?.['accepts'] !== undefined || properties['bound'] === 'DEFAULT') return []
  const parent = quote(properties['of'] as string[])
  const detail = `PostgreSQL attaches no table to ${parent}: the operator class of its key is short of operators.`
  return [hazard('may-fail', detail)]
}

interface Guard {
  readonly checked: readonly Action[]
  readonly unchecked: readonly Hazard[]
  readonly done: readonly Action[]
}

/** A valid CHECK that says the same spares the reading (PostgreSQL manual, "Partition Maintenance"). */
export function guard({ table, accepts, refuses }: Read, attachment: SchemaObject): Guard {
  if (accepts === undefined) {
    const detail = `${table} is read while it is locked, to see that its rows belong there.`
    return { checked: [], unchecked: [hazard('long-lock', detail)], done: [] }
  }
  const name = ident(standIn(attachment.name[1] ?? '', '_tenantry_attach'))
  return {
    checked: [
      brief(`ALTER TABLE ${table} ADD CONSTRAINT ${name} CHECK ${parenthesised(accepts)} NOT VALID`, {
        creates: [],
        hazards: refuses === undefined ? [] : [hazard('may-fail', refuses)],
      }),
      { ...validation(`ALTER TABLE ${table}`, name), creates: [] },
    ],
    unchecked: [],
    done: [brief(`ALTER TABLE ${table} DROP CONSTRAINT ${name}`, { creates: [] })],
  }
}

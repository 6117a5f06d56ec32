/** What of a type must stand before a column is made of it: the server does not change what columns hold inside. */
import { said } from '../../said.ts'
import type { RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'

/** In `needs`, tells that the values of a domain have been checked. */
export function provedId(id: string): string {
  return `proved:${id}`
}

/** In `needs` of what makes the column: its types' attributes, and constraints of domains inside of them. */
export function settledTypes(column: SchemaObject, context: RuleContext): string[] {
  const inside = said(column.properties['type']).endsWith('[]')
  const found = new Set<string>()
  for (const id of column.dependsOn) visit(id, inside, context, found)
  return [...found]
}

/** The same for a table that is made of a type. */
export function settledType(table: SchemaObject, context: RuleContext): string[] {
  const found = new Set<string>()
  if (table.properties['ofType'] === undefined) return []
  for (const id of table.dependsOn) visit(id, false, context, found)
  return [...found]
}

/** No type holds itself, so this ends. */
function visit(id: string, inside: boolean, context: RuleContext, found: Set<string>): void {
  const kind = id.slice(0, id.indexOf(':'))
  const type = HOLDERS.has(kind) ? context.after(id) : undefined
  if (type === undefined) return
  const within = inside || kind !== 'domain'
  const parts = context.partsAfter(id)
  if (kind === 'composite_type') for (const part of context.partsBefore(id)) found.add(idOf(part))
  if (within) for (const part of parts) for (const one of [idOf(part), provedId(idOf(part))]) found.add(one)
  for (const holder of [type, ...parts]) {
    for (const dependency of holder.dependsOn)
      if (dependency !== id) visit(dependency, within, context, found)
  }
}

const HOLDERS = new Set(['composite_type', 'domain', 'range'])

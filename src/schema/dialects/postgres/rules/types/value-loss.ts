/** Whether the values of a column stay what they are when its type, or what that is made of, becomes another. */
import type { RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject, type Snapshot } from '../../../../snapshot/snapshot.ts'
import { said } from '../../said.ts'
import { lossOf } from './type-loss.ts'
import { displayed, underlying } from './types.ts'

type Types = ReadonlyMap<string, SchemaObject>

/** Kinds whose values a column can hold, beside domains. */
const KINDS = new Set(['enum', 'composite_type', 'range', 'table', 'foreign_table', 'view'])
const known = new WeakMap<Snapshot, Types>()

/** By the names that format_type gives them. */
function typesOf(snapshot: Snapshot): Types {
  const found = known.get(snapshot)
  if (found !== undefined) return found
  const types = snapshot.objects.filter(({ kind }) => KINDS.has(kind))
  const made = new Map(types.map((type) => [displayed(type.name), type]))
  known.set(snapshot, made)
  return made
}

/**
 * @param from,to as format_type writes them
 * @param written whether the cast stands in the statement
 * @returns why values may not be the same afterwards; undefined when they surely are, or an error keeps them
 */
export function lossOfValues(
  from: string,
  to: string,
  written: boolean,
  context: RuleContext,
): string | undefined {
  const [a, b] = [bare(from, context.source), bare(to, context.target)]
  const [before, after] = [typesOf(context.source), typesOf(context.target)]
  if (a !== b) {
    const isEnum = (type: string): boolean => (after.get(type) ?? before.get(type))?.kind === 'enum'
    return lossOf(a, b, { written, isEnum })
  }
  const element = a.replace(/\[\]$/, '')
  const [one, other] = [before.get(element), after.get(element)]
  return one === undefined || other === undefined ? undefined : lossWithin(one, other, context)
}

/** Without domains, also as the type of a list's elements. */
function bare(type: string, { objects }: Snapshot): string {
  return type.endsWith('[]') ? `${underlying(type.slice(0, -2), objects)}[]` : underlying(type, objects)
}

/** Of a type that keeps its name: its values are written as text and read again. */
function lossWithin(from: SchemaObject, to: SchemaObject, context: RuleContext): string | undefined {
  const [a, b] = [from.properties['subtype'], to.properties['subtype']]
  if (a !== b) return `Values of type ${displayed(from.name)} over ${said(a)} do not all fit over ${said(b)}.`
  const parts = context.partsAfter(idOf(to))
  for (const before of context.partsBefore(idOf(from))) {
    const after = parts.find((part) => idOf(part) === idOf(before))
    const [old, type] = [before.properties['type'], after?.properties['type']]
    if (typeof old !== 'string' || typeof type !== 'string') continue
    const loss = lossOfValues(old, type, true, context)
    if (loss !== undefined) return `${before.name.at(-1) ?? ''} in ${displayed(from.name)}: ${loss}`
  }
  return undefined
}

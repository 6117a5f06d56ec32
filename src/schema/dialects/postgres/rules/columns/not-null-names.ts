/** From PostgreSQL 18 on the server names a NOT NULL by itself, with a number where a constraint of the schema has the name. */
import type { RuleContext } from '../../../../plan/action.ts'
import { idOf, type SchemaObject, type Snapshot } from '../../../../snapshot/snapshot.ts'
import { majorOf, textOf } from '../tools.ts'
import { constraintNameOf, has, isInherited } from './not-null-text.ts'

type Holders = ReadonlyMap<string, readonly SchemaObject[]>

const known = new WeakMap<Snapshot, Holders>()

/** What holds the names of constraints, by schema and name. */
function holdersIn(snapshot: Snapshot): Holders {
  const before = known.get(snapshot)
  if (before !== undefined) return before
  const found = new Map<string, SchemaObject[]>()
  for (const object of snapshot.objects) {
    const name = nameHeldBy(object)
    if (name === undefined) continue
    const key = JSON.stringify([object.name[0], name])
    found.set(key, [...(found.get(key) ?? []), object])
  }
  known.set(snapshot, found)
  return found
}

function nameHeldBy(object: SchemaObject): string | undefined {
  if (object.kind === 'constraint' || object.kind === 'domain_constraint') return object.name.at(-1)
  return object.kind === 'column' ? textOf(object.facts ?? {}, 'notNullConstraint') : undefined
}

/** With its name said where another has that name, or may have it at this moment. */
export function withNameSaid(column: SchemaObject, context: RuleContext): SchemaObject {
  if (majorOf(context) < 18 || !has(column) || column.properties['notNullName'] !== undefined) return column
  const name = constraintNameOf(column)
  const key = JSON.stringify([column.name[0], name])
  const others = (snapshot: Snapshot): SchemaObject[] =>
    (holdersIn(snapshot).get(key) ?? []).filter((one) => idOf(one) !== idOf(column))
  // What is given by a parent takes the name that the parent has by then.
  const taken = [...others(context.source), ...others(context.target).filter((one) => !isInherited(one))]
  return taken.length === 0 ? column : { ...column, properties: { ...column.properties, notNullName: name } }
}

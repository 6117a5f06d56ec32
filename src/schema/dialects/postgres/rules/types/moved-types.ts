/** Types that an extension takes along when it goes to another schema: nothing that is made of them changes. */
import type { RuleContext } from '../../../../plan/action.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import { said } from '../../said.ts'

/** Whether the object's type is another one only by the name of the schema that its extension goes to. */
export function goesWithExtension(from: SchemaObject, to: SchemaObject, context: RuleContext): boolean {
  const [before, after] = [qualified(from), qualified(to)]
  if (before === undefined || before.name !== after?.name) return false
  return from.dependsOn.some((id) => {
    const [left, entered] = [context.before(id), context.after(id)]
    if (left?.kind !== 'extension' || entered === undefined || context.isDropped(id)) return false
    return left.properties['schema'] === before.schema && entered.properties['schema'] === after.schema
  })
}

function qualified({ properties }: SchemaObject): { schema: string; name: string } | undefined {
  const [, quoted, bare, name] = /^(?:"((?:[^"]|"")+)"|([^".]+))\.(.+)$/.exec(said(properties['type'])) ?? []
  if (name === undefined) return undefined
  return { schema: quoted?.replaceAll('""', '"') ?? (bare as string), name }
}

/** A name for what is built beside a table that it will take the place of. */
import type { RuleContext } from '../../../plan/action.ts'
import { fold } from '../text/tokens.ts'

/** A name that nothing has, in the source or the target, and that SQLite does not keep for a virtual table. */
export function spareName({ source, target }: RuleContext, name: string): string {
  const objects = [...source.objects, ...target.objects]
  const taken = new Set(objects.map((object) => object.name[0]))
  const virtual = new Set(objects.filter(({ kind }) => kind === 'virtual_table').map((one) => one.name[0]))
  const isFree = (spare: string): boolean =>
    !taken.has(spare) && !virtual.has(spare.slice(0, spare.lastIndexOf('_')))
  let spare = `new_${name}`
  for (let count = 2; !isFree(fold(spare)); count++) spare = `new_${count}_${name}`
  return spare
}

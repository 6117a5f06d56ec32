/** What a partition takes over from its parent when it is attached, and what is locked for that. */
import { said } from '../../said.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'
import type { LockLevel } from '../../../../plan/plan.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import { attachmentsBefore, parentOf, stableChildren } from './family.ts'
import { quote } from '../names.ts'
import { isQuiet, validation } from '../tools.ts'

/** The parent is locked lightly, but the partition, one that takes the rest, and who is referred to, are not. */
export function lockedByAttaching(attachment: SchemaObject, context: RuleContext): LockLevel {
  const parent = parentOf(attachment)
  const [tables, foreignKeys] = [
    stableChildren(parent, context),
    context.partsAfter(parent).filter(isForeignKey),
  ]
  const takesRest = tables.some((one) =>
    attachmentsBefore(one, context).some(({ properties }) => properties['bound'] === 'DEFAULT'),
  )
  if (takesRest || !context.isNew(attachment.parent ?? '')) return 'access exclusive'
  return foreignKeys.length > 0 ? 'share row exclusive' : 'share update exclusive'
}

/** Those of the parent that the partition has already, proved, are not proved while both are locked. */
export function foreignKeysOfParent(attachment: SchemaObject, context: RuleContext): Action[] {
  const child = attachment.parent ?? ''
  if (isQuiet(child, context)) return []
  const parent = parentOf(attachment)
  const own = [...context.partsBefore(child), ...context.partsAfter(child)].filter(isForeignKey)
  const has = (part: SchemaObject): boolean =>
    own.some(({ properties }) => properties['definition'] === part.properties['definition'])
  const stays = (part: SchemaObject): boolean =>
    context.before(idOf(part)) !== undefined && !context.isDropped(idOf(part))
  const columns = context.partsAfter(child).filter(({ kind }) => kind === 'column')
  return context
    .partsAfter(parent)
    .filter((part) => isForeignKey(part) && stays(part) && !has(part) && isPlainForeignKey(part))
    .filter(({ facts }) => facts?.['references'] !== parent)
    .flatMap((part): Action[] => {
      const table = `ALTER TABLE ${quote(attachment.name.slice(0, 2))}`
      const constraint = quote(part.name.slice(-1))
      const deferral = `${part.properties['deferrable'] === true ? ' DEFERRABLE' : ''}${part.properties['deferred'] === true ? ' INITIALLY DEFERRED' : ''}`
      return [
        {
          sql: `${table} ADD CONSTRAINT ${constraint} ${said(part.properties['definition'])}${deferral} NOT VALID`,
          lock: 'share row exclusive',
          creates: [],
          needs: [child, ...columns.map(idOf), ...attachment.dependsOn],
        },
        { ...validation(table, constraint), creates: [] },
      ]
    })
}

/** One that holds for the rows that are there. */
function isPlainForeignKey({ properties }: SchemaObject): boolean {
  return properties['notValid'] !== true && !said(properties['definition']).endsWith(' NOT ENFORCED')
}

function isForeignKey({ properties }: SchemaObject): boolean {
  return properties['type'] === 'foreign key'
}

/**
 * A column gets another name. MariaDB carries it into all that the table computes from it; MySQL refuses as long as
 * a check, a computed column, a default, an index or the partitions read it: they are written anew by the same statement.
 */
import { mysqlIdent } from '../../../../engine/mysql-sql.ts'
import type { Renamed } from '../../../diff/diff.ts'
import type { Action, RuleContext } from '../../../plan/action.ts'
import { objectId, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { columnText } from '../text/column.ts'
import { checkText, indexDrop, indexText } from '../text/key.ts'
import { asText, asTexts } from '../text/properties.ts'
import type { Partitioning } from '../text/show-create-table.ts'
import { tokensOf, unquoted } from '../text/tokens.ts'
import { partitioningText } from './partitions.ts'
import { inheritsFrom, isMariaDb, plainFor } from './sides.ts'

/** @param context in which the source is what this very rename leads to */
export function renameColumn({ from, to }: Renamed, context: RuleContext): Action[] {
  const [table, old, now] = [from.name[0], from.name[1], to.name[1]] as [string, string, string]
  const renamed = `RENAME COLUMN ${mysqlIdent(old)} TO ${mysqlIdent(now)}`
  const head = `ALTER TABLE ${mysqlIdent(table)}`
  const { before, after, tail } = isMariaDb(context)
    ? { before: [], after: [], tail: '' }
    : readers(table, now, context)
  if (after.length === 0 && tail === '') return [{ sql: `${head} ${renamed}`, lock: 'access exclusive' }]
  const detail = `${table} is copied to rename ${old}; it can be read but not written meanwhile`
  return [
    {
      sql: [head, [...before, renamed, ...after].join(', '), tail].filter(Boolean).join(' '),
      lock: 'access exclusive',
      rewrites: true,
      long: true,
      ...(plainFor(context, table) ? {} : { hazards: [{ name: 'table-rewrite', detail }] }),
    },
  ]
}

function readers(
  table: string,
  column: string,
  context: RuleContext,
): { before: string[]; after: string[]; tail: string } {
  const own = context.before(objectId('table', table))
  const reads = (text: string): boolean =>
    tokensOf(text).some((token) => token.kind === 'name' && unquoted(token.text) === column)
  const [before, after]: [string[], string[]] = [[], []]
  for (const part of context.partsBefore(objectId('table', table))) {
    if (!reads(expressionsOf(part))) continue
    const name = part.name[1] as string
    if (part.kind === 'check') {
      before.push(`DROP CONSTRAINT ${mysqlIdent(name)}`)
      after.push(`ADD ${checkText(name, part.properties)}`)
    } else if (part.kind === 'index') {
      before.push(indexDrop(name))
      after.push(`ADD ${indexText(name, part.properties)}`)
    } else {
      after.push(`MODIFY COLUMN ${columnText(name, part.properties, inheritsFrom(own, part))}`)
    }
  }
  const partitioning = own?.properties['partitioning'] as unknown as Partitioning | undefined
  const partitioned = partitioning !== undefined && reads(partitioning.by)
  return { before, after, tail: partitioned ? partitioningText(partitioning) : '' }
}

/** What is computed; the columns of a plain index follow the name by themselves. */
function expressionsOf({ kind, properties }: SchemaObject): string {
  if (kind === 'check') return asText(properties['definition'])
  if (kind === 'column') return `${asText(properties['generated'])} ${asText(properties['default'])}`
  return kind === 'index'
    ? asTexts(properties['columns'])
        .filter((part) => part.startsWith('('))
        .join(' ')
    : ''
}

/**
 * What an ALTER TABLE costs: whether the server only changes its dictionary, builds an index beside the running
 * work, writes the table anew beside it, or copies it while nobody may write. Where that is known the statement
 * asks for it by name, so that a server that cannot do it so refuses instead of blocking.
 * Sources: https://mariadb.com/kb/en/innodb-online-ddl-overview/, "Online DDL Operations" of the MySQL 8.0 manual.
 */
import type { RuleContext } from '../../../plan/action.ts'
import type { LockLevel } from '../../../plan/plan.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { indexColumns } from '../inspect/tables.ts'
import { asText, asTexts } from '../text/properties.ts'
import { tokensOf, unquoted } from '../text/tokens.ts'
import { LEVELS, type Clause, type Level } from './clause.ts'
import { modifyLevel } from './column-type.ts'
import { isMariaDb, isMysqlBefore } from './sides.ts'

export interface Cost {
  readonly level: Level
  readonly lock: LockLevel | null
  readonly rewrites: boolean
  readonly long: boolean
  /** Clauses that hold the server to it; none where the weakest way is not known for certain. */
  readonly asked: readonly string[]
}

export function costOf(table: string, context: RuleContext, clauses: readonly Clause[], tail: string): Cost {
  const levels = clauses.map((clause) => levelOf(table, context, clause, clauses))
  if (tail !== '') levels.push('copy')
  levels.push(...combinedLevels(table, context, clauses))
  const level = LEVELS[Math.max(0, ...levels.map((one) => LEVELS.indexOf(one)))] ?? 'copy'
  const partitions = clauses.some((clause) => clause.what.endsWith('partition'))
  return {
    level,
    lock: level === 'copy' || level === 'shared' ? 'share' : null,
    rewrites: level === 'inplace' || level === 'copy',
    long: level !== 'instant',
    asked: partitions
      ? []
      : unverified(clauses, context)
        ? ['ALGORITHM=COPY']
        : askedFor(level, isMariaDb(context)),
  }
}

/** MariaDB adds a column at once, and does not look whether what its rows get breaks the check. */
function unverified(clauses: readonly Clause[], context: RuleContext): boolean {
  return isMariaDb(context) && clauses.some((one) => one.what === 'add column' && isCheckedAtOnce(one))
}

function isCheckedAtOnce({ to }: Clause): boolean {
  const { check, default: value, nullable } = to?.properties ?? {}
  return check !== undefined && !(nullable === true && (value === undefined || value === 'NULL'))
}

function askedFor(level: Level, mariaDb: boolean): readonly string[] {
  switch (level) {
    case 'instant':
      return ['ALGORITHM=INSTANT']
    case 'nocopy':
      return [mariaDb ? 'ALGORITHM=NOCOPY' : 'ALGORITHM=INPLACE', 'LOCK=NONE']
    case 'inplace':
      return ['ALGORITHM=INPLACE', 'LOCK=NONE']
    case 'shared':
      return ['ALGORITHM=INPLACE', 'LOCK=SHARED']
    case 'copy':
      return []
  }
}

/** The same whatever the rest of the statement is. */
const FIXED_LEVELS: Partial<Readonly<Record<Clause['what'], Level>>> = {
  default: 'instant',
  'drop check': 'instant',
  'add partition': 'instant',
  'drop partition': 'instant',
  comment: 'nocopy',
  visibility: 'nocopy',
  charset: 'inplace',
}

const AT_ONCE_IN_MARIADB: typeof FIXED_LEVELS = {
  comment: 'instant',
  visibility: 'instant',
  charset: 'instant',
}

function levelOf(table: string, context: RuleContext, clause: Clause, all: readonly Clause[]): Level {
  if (!isInnoDb(table, context)) return 'copy'
  switch (clause.what) {
    case 'add column':
      return addColumnLevel(table, context, clause)
    case 'drop column':
      return takesInstant(table, context) && !isMysqlBefore(context, 29) ? 'instant' : 'inplace'
    case 'modify':
      return modifyLevel(clause, isMariaDb(context))
    case 'add index':
      return addIndexLevel(table, context, clause, all)
    case 'drop index':
      return dropIndexLevel(clause, all)
    case 'add check':
      // Of MySQL: nothing is looked at.
      return / NOT ENFORCED$/i.test(clause.sql) ? 'instant' : 'copy'
    case 'option':
      return /^(?:ROW_FORMAT|KEY_BLOCK_SIZE|`)/.test(clause.sql) ? 'inplace' : 'nocopy'
    default:
      return (
        (isMariaDb(context) ? AT_ONCE_IN_MARIADB[clause.what] : undefined) ??
        FIXED_LEVELS[clause.what] ??
        'copy'
      )
  }
}

/** What clauses cost together beyond what each costs alone. */
function combinedLevels(table: string, context: RuleContext, clauses: readonly Clause[]): Level[] {
  const levels: Level[] = []
  const has = (...whats: readonly Clause['what'][]): boolean =>
    clauses.some((one) => whats.includes(one.what))
  const columns = has('add column', 'drop column', 'modify')
  if (columns && has('add index', 'drop index')) levels.push('inplace')
  if (columns && has('visibility') && !isMariaDb(context)) levels.push('inplace')
  if (mixesVirtual(clauses, context) || cannotCompute(clauses)) levels.push('copy')
  const rebuilt =
    levels.includes('inplace') || clauses.some((one) => levelOf(table, context, one, clauses) === 'inplace')
  levels.push(...besideFulltext(table, context, clauses, rebuilt, columns))
  const moves = has('drop column') || clauses.some((one) => one.what === 'add column' && !isVirtual(one))
  if ((rebuilt || moves) && hasIndexedVirtual(table, context)) levels.push('copy')
  if (isMariaDb(context) && clauses.some((one) => fillsRead(table, context, one))) levels.push('copy')
  return levels
}

/** Whether a column must not be NULL any more that a virtual one reads. */
function fillsRead(table: string, context: RuleContext, { what, from, to }: Clause): boolean {
  if (what !== 'modify' || from?.properties['nullable'] !== true || to?.properties['nullable'] !== false)
    return false
  const name = to.name[1]
  return context.partsBefore(objectId('table', table)).some((part) => {
    const { generated, stored } = part.properties
    if (generated === undefined || stored === true) return false
    return tokensOf(asText(generated)).some((token) => token.kind === 'name' && unquoted(token.text) === name)
  })
}

/** Only one full-text index is built at a time, and not beside other work on its table. */
function besideFulltext(
  table: string,
  context: RuleContext,
  clauses: readonly Clause[],
  rebuilt: boolean,
  columns: boolean,
): Level[] {
  const added = clauses.filter(isFulltext).length
  if (added > 1 || (added > 0 && (columns || rebuilt))) return ['copy']
  if (!rebuilt) return []
  // It cannot be kept up to date while its table is written anew.
  const there = fulltexts(table, context)
  return there === 0 ? [] : there === 1 && isMariaDb(context) ? ['shared'] : ['copy']
}

/** MariaDB writes such a table anew, and moves its columns, only under a lock, and often only by a copy. */
function hasIndexedVirtual(table: string, context: RuleContext): boolean {
  if (!isMariaDb(context)) return false
  const parts = context.partsBefore(objectId('table', table))
  const indexed = new Set(
    parts.flatMap((part) => (part.kind === 'index' ? indexColumns(asTexts(part.properties['columns'])) : [])),
  )
  return parts.some(
    (part) => indexed.has(part.name[1] as string) && isVirtual({ what: 'add column', sql: '', to: part }),
  )
}

function mixesVirtual(clauses: readonly Clause[], context: RuleContext): boolean {
  const virtual = clauses.filter(isVirtual)
  const columns = clauses.every(({ what }) => what === 'add column' || what === 'drop column')
  // MySQL makes virtual columns beside others that come or go.
  if (columns && !isMariaDb(context) && virtual.every(({ what }) => what === 'add column')) return false
  const directions = new Set(virtual.map((one) => one.what))
  return virtual.length > 0 && (virtual.length < clauses.length || directions.size > 1)
}

function isVirtual({ what, from, to }: Clause): boolean {
  const { generated, stored } = (what === 'drop column' ? from : to)?.properties ?? {}
  const moves = what === 'add column' || what === 'drop column'
  return moves && generated !== undefined && stored !== true && !/^ROW /i.test(asText(generated))
}

function isFulltext({ what, to }: Clause): boolean {
  return what === 'add index' && to?.properties['index'] === 'fulltext'
}

/** MySQL keeps what an index computes in a virtual column that nobody sees, and adds or drops it beside plain indexes only. */
function cannotCompute(clauses: readonly Clause[]): boolean {
  const computed = new Set(clauses.filter(isOnExpression).map((one) => one.what))
  return computed.size > 1 || (computed.size > 0 && !clauses.every(isPlainIndex))
}

function isPlainIndex({ what, from, to }: Clause): boolean {
  const index = what === 'add index' || what === 'drop index'
  return index && (to ?? from)?.properties['index'] === 'plain'
}

function isOnExpression({ what, from, to }: Clause): boolean {
  if (what !== 'add index' && what !== 'drop index') return false
  const columns = asTexts((what === 'add index' ? to : from)?.properties['columns'])
  return columns.some((column) => column.startsWith('('))
}

function isInnoDb(table: string, context: RuleContext): boolean {
  const engine = context.before(objectId('table', table))?.properties['engine']
  return typeof engine === 'string' && engine.toLowerCase() === 'innodb'
}

/** Compressed tables and those with a full-text index have no room for instant columns. */
function takesInstant(table: string, context: RuleContext): boolean {
  const id = objectId('table', table)
  const options = (context.before(id)?.properties['options'] ?? {}) as Readonly<Record<string, string>>
  const compressed =
    /COMPRESSED/i.test(options['ROW_FORMAT'] ?? '') || options['KEY_BLOCK_SIZE'] !== undefined
  return !compressed && !hasFulltext(table, context)
}

function hasFulltext(table: string, context: RuleContext): boolean {
  return fulltexts(table, context) > 0
}

function fulltexts(table: string, context: RuleContext): number {
  const parts = context.partsBefore(objectId('table', table))
  return parts.filter((part) => part.properties['index'] === 'fulltext').length
}

function addColumnLevel(table: string, context: RuleContext, { sql, to }: Clause): Level {
  const { generated, stored, autoIncrement, default: value } = to?.properties ?? {}
  if (autoIncrement === true || (generated !== undefined && stored === true)) return 'copy'
  if (to !== undefined && isCheckedAtOnce({ what: 'add column', sql, to })) return 'copy'
  if (generated !== undefined) return /^ROW /i.test(asText(generated)) ? 'copy' : 'instant'
  // A default that is computed gives each row its own value.
  if (typeof value === 'string' && /\(/.test(value) && !/^current_timestamp\(/i.test(value)) return 'copy'
  // Before, a column could come at once only behind all others.
  const late = isMysqlBefore(context, 29) && / (?:FIRST|AFTER `.*`)$/s.test(sql)
  return takesInstant(table, context) && !late ? 'instant' : 'inplace'
}

function addIndexLevel(table: string, context: RuleContext, clause: Clause, all: readonly Clause[]): Level {
  const kind = clause.to?.properties['index']
  if (kind === 'fulltext') {
    return hasFulltext(table, context) ? 'shared' : 'copy'
  }
  if (kind === 'spatial' || isOnExpression(clause)) return 'shared'
  if (kind === 'primary') return 'inplace'
  // An index over a column that is written anew is built with it.
  return all.some((one) => one.what === 'modify' || one.what === 'add column') ? 'inplace' : 'nocopy'
}

function dropIndexLevel({ from }: Clause, all: readonly Clause[]): Level {
  if (from?.properties['index'] !== 'primary') return 'nocopy'
  const again = all.some(
    (clause) => clause.what === 'add index' && clause.to?.properties['index'] === 'primary',
  )
  return again ? 'inplace' : 'copy'
}

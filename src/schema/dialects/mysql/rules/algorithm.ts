/**
 * What an ALTER TABLE costs: whether the server only changes its dictionary, builds an index beside the running
 * work, writes the table anew beside it, or copies it while nobody may write. Where that is known the statement
 * asks for it by name, so that a server that cannot do it so refuses instead of blocking.
 * Sources: https://mariadb.com/kb/en/innodb-online-ddl-overview/, "Online DDL Operations" of the MySQL 8.0 manual.
 */
import type { RuleContext } from '../../../plan/action.ts'
import type { LockLevel } from '../../../plan/plan.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { asText, asTexts } from '../text/properties.ts'
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
    asked: partitions ? [] : askedFor(level, isMariaDb(context)),
  }
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
    case 'comment':
      return isMariaDb(context) ? 'instant' : 'nocopy'
    case 'add index':
      return addIndexLevel(table, context, clause, all)
    case 'drop index':
      return dropIndexLevel(clause, all)
    case 'charset':
      return isMariaDb(context) ? 'instant' : 'inplace'
    case 'option':
      return /^(?:ROW_FORMAT|KEY_BLOCK_SIZE|`)/.test(clause.sql) ? 'inplace' : 'nocopy'
    default:
      return FIXED_LEVELS[clause.what] ?? 'copy'
  }
}

/** What clauses cost together beyond what each costs alone. */
function combinedLevels(table: string, context: RuleContext, clauses: readonly Clause[]): Level[] {
  const levels: Level[] = []
  const has = (...whats: readonly Clause['what'][]): boolean =>
    clauses.some((one) => whats.includes(one.what))
  const columns = has('add column', 'drop column', 'modify')
  if (columns && has('add index', 'drop index')) levels.push('inplace')
  if (mixesVirtual(clauses) || cannotCompute(clauses)) levels.push('copy')
  const fulltext = clauses.filter(isFulltext)
  if (fulltext.length > 1 || (fulltext.length > 0 && columns)) levels.push('copy')
  const rebuilt =
    levels.includes('inplace') || clauses.some((one) => levelOf(table, context, one, clauses) === 'inplace')
  if (rebuilt && fulltext.length > 0) levels.push('copy')
  // A full-text index cannot be kept up to date while its table is written anew.
  if (rebuilt && hasFulltext(table, context)) levels.push('shared')
  return levels
}

function mixesVirtual(clauses: readonly Clause[]): boolean {
  const virtual = clauses.filter(isVirtual)
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
  return context.partsBefore(objectId('table', table)).some((part) => part.properties['index'] === 'fulltext')
}

function addColumnLevel(table: string, context: RuleContext, { sql, to }: Clause): Level {
  const { generated, stored, autoIncrement, default: value, check } = to?.properties ?? {}
  if (autoIncrement === true || (generated !== undefined && stored === true) || check !== undefined)
    return 'copy'
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

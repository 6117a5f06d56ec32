/** All that changes about one table, as one ALTER TABLE, or a few where one statement cannot hold it. */
import { mysqlIdent } from '../../../../engine/mysql-sql.ts'
import type { Action, RuleContext } from '../../../plan/action.ts'
import type { Properties, SchemaObject } from '../../../snapshot/snapshot.ts'
import { sameJson } from '../../../snapshot/canonical.ts'
import { asText } from '../text/properties.ts'
import { idOf, objectId } from '../../../snapshot/snapshot.ts'
import { columnText, hasNoDefault } from '../text/column.ts'
import { checkText, indexDrop, indexText } from '../text/key.ts'
import { tokensOf, unquoted } from '../text/tokens.ts'
import { indexColumns } from '../inspect/tables.ts'
import { costOf, type Cost } from './algorithm.ts'
import type { Clause } from './clause.ts'
import { columnsMadeAnew } from './column-type.ts'
import { asTexts } from '../text/properties.ts'
import { keysToGoFirst } from './foreign-keys.ts'
import { mayBeGenerated } from './generated-indexes.ts'
import { changeHazards } from './hazards.ts'
import { leftBehindClauses } from './left-behind.ts'
import { makesRoom, roomActions } from './moving-checks.ts'
import { partitionChange } from './partitions.ts'
import { differencesOf, inheritsCharset, isMariaDb, partsOf, plainFor, type Difference } from './sides.ts'
import { foreignClauses, leftOverClauses, optionClauses, resizesKeys } from './table-options.ts'
import { stagesOf } from './versioning.ts'

/** @returns the actions for all differences of the table together; the rule of the leading one answers with them */
export function tableChange(table: string, context: RuleContext): Action[] {
  const differences = differencesOf(context, table)
  if (differences.length === 0) return []
  const statements = statementsFor(table, context)
  const last = statements.length - 1
  const hazards = changeHazards(table, context, differences, statements)
  const room = roomActions(table, differences, context)
  const gone = new Set(room.flatMap((action) => action.drops ?? []))
  const rest = statements.map((statement, at): Action => ({
    sql: statement.sql,
    lock: statement.cost.lock,
    rewrites: statement.cost.rewrites,
    long: statement.cost.long,
    needs: keysToGoFirst(table, context, differences),
    ...(at === last
      ? {
          creates: differences.filter((one) => one.verb === 'create').map((one) => one.id),
          drops: differences.filter((one) => one.verb === 'drop' && !gone.has(one.id)).map((one) => one.id),
          hazards,
        }
      : {}),
    alters: [
      objectId('table', table),
      ...differences.filter((one) => one.verb === 'alter').map((one) => one.id),
    ],
  }))
  return [...room, ...rest]
}

export interface Statement {
  readonly sql: string
  readonly cost: Cost
}

function statementsFor(table: string, whole: RuleContext): Statement[] {
  return stagesOf(table, whole).flatMap((context) =>
    stageStatements(table, context, differencesOf(context, table)),
  )
}

function stageStatements(
  table: string,
  context: RuleContext,
  differences: readonly Difference[],
): Statement[] {
  const partitions = partitionChange(table, context)
  const clauses = clausesFor(table, context, differences)
  const tail = partitions.tail
  const foreign = foreignClauses(table, context)
  const first = [...(foreign.length > 0 ? [foreign] : []), ...partitions.before.map((one) => [one])]
  const statements = first.map((one) => alterStatement(table, context, one, ''))
  if (clauses.length > 0 || tail !== '') statements.push(alterStatement(table, context, clauses, tail))
  statements.push(...partitions.after.map((one) => alterStatement(table, context, [one], '')))
  const remade = differences.flatMap((one) => (one.kind === 'column' && one.to !== undefined ? [one.to] : []))
  for (const late of leftBehindClauses(table, remade, context)) {
    statements.push(alterStatement(table, context, late, ''))
  }
  const rest = [...withoutDefault(differences, isMariaDb(context)), ...leftOverClauses(table, context)]
  if (rest.length > 0) statements.push(alterStatement(table, context, rest, ''))
  return statements
}

function alterStatement(
  table: string,
  context: RuleContext,
  clauses: readonly Clause[],
  tail: string,
): Statement {
  const cost = costOf(table, context, clauses, tail)
  const list = clauses.map((clause) => clause.sql)
  const asked = plainFor(context, table) ? [] : cost.asked
  const text = [...list, ...asked].join(', ')
  return { sql: ['ALTER TABLE', mysqlIdent(table), text, tail].filter(Boolean).join(' '), cost }
}

/** Dropped first, then changed, then added; a column that is spelt differently now is changed. */
function clausesFor(table: string, context: RuleContext, differences: readonly Difference[]): Clause[] {
  const respelt = respellings(differences)
  const anew = columnsMadeAnew(table, differences, context)
  const indexes = indexClauses(table, context, differences, anew)
  const own = differences.filter((one) => one.kind === 'check' && !makesRoom(one, context))
  const checks = [
    ...own.filter((one) => enforcement(one) === undefined),
    ...checksOf(table, context, differences, anew),
  ]
  return [
    ...checks.filter((one) => one.verb !== 'create').map(checkDrop),
    ...indexes.drops,
    ...differences
      .filter((one) => one.kind === 'column' && one.verb === 'drop' && !respelt.has(one.name))
      .map(columnDrop),
    ...[...anew].map((name): Clause => {
      const from = context.before(objectId('column', table, name))
      return { what: 'drop column', sql: `DROP COLUMN ${mysqlIdent(name)}`, from }
    }),
    ...columnClauses(table, context, differences, respelt, anew),
    ...indexes.adds,
    ...checks.filter((one) => one.verb !== 'drop').map(checkAdd),
    ...own.flatMap((one) => enforcement(one) ?? []),
    ...optionClauses(table, context),
  ]
}

/** MySQL's checks are enforced or not, which is changed in place; `undefined` where something else differs. */
function enforcement({ verb, name, from, to }: Difference): Clause | undefined {
  if (verb !== 'alter') return undefined
  const [before, after] = [from, to].map((one) => asText(one?.properties['definition'])) as [string, string]
  const NOT = ' NOT ENFORCED'
  const sql = `ALTER CHECK ${mysqlIdent(name)}`
  // Rows are looked at before it holds again.
  if (before === `${after}${NOT}`) return { what: 'add check', sql: `${sql} ENFORCED`, to }
  return after === `${before}${NOT}` ? { what: 'drop check', sql: `${sql}${NOT}`, from } : undefined
}

/** Checks that stay, and read a column that is made anew: they go and come with it. */
function checksOf(
  table: string,
  context: RuleContext,
  differences: readonly Difference[],
  anew: ReadonlySet<string>,
): Difference[] {
  const listed = new Set(differences.map((one) => one.id))
  return partsOf(context, table, 'after', 'check').flatMap((check): Difference[] => {
    const names = tokensOf(asText(check.properties['definition'])).filter((token) => token.kind === 'name')
    const reads = names.some((token) => anew.has(unquoted(token.text)))
    if (!reads || listed.has(idOf(check))) return []
    const name = check.name[1] as string
    return [{ id: idOf(check), kind: 'check', name, verb: 'alter', from: check, to: check }]
  })
}

/** By the old name, the column that has the same name but for its case. */
function respellings(differences: readonly Difference[]): ReadonlyMap<string, Difference> {
  const found = new Map<string, Difference>()
  const created = differences.filter((one) => one.kind === 'column' && one.verb === 'create')
  for (const one of differences) {
    if (one.kind !== 'column' || one.verb !== 'drop') continue
    const now = created.find(
      (other) => other.name !== one.name && other.name.toLowerCase() === one.name.toLowerCase(),
    )
    if (now !== undefined) found.set(one.name, now)
  }
  return found
}

function columnClauses(
  table: string,
  context: RuleContext,
  differences: readonly Difference[],
  respelt: ReadonlyMap<string, Difference>,
  anew: ReadonlySet<string>,
): Clause[] {
  const oldNames = new Map([...respelt].map(([old, now]) => [now.name, old]))
  const changed = new Map(
    differences.filter((one) => one.kind === 'column' && one.verb !== 'drop').map((one) => [one.name, one]),
  )
  const columns = partsOf(context, table, 'after', 'column')
  const lastOld = columns.findLastIndex((column) => {
    const name = column.name[1] as string
    return changed.get(name)?.verb !== 'create' || oldNames.has(name)
  })
  const [changes, adds]: [Clause[], Clause[]] = [[], []]
  for (const [at, column] of columns.entries()) {
    const name = column.name[1] as string
    const one = changed.get(name)
    if (one === undefined && !anew.has(name)) continue
    const definition = columnText(name, column.properties, inheritsCharset(column, context))
    const old = oldNames.get(name)
    if (old !== undefined) {
      changes.push({
        what: 'modify',
        sql: `CHANGE COLUMN ${mysqlIdent(old)} ${definition}`,
        from: context.before(objectId('column', table, old)),
        to: column,
      })
    } else if (one?.verb === 'alter' && !anew.has(name)) {
      const value = onlyDefault(one, isMariaDb(context))
      if (value !== undefined) {
        const sql = `ALTER COLUMN ${mysqlIdent(name)} SET DEFAULT ${value}`
        changes.push({ what: 'default', sql })
        continue
      }
      changes.push({ what: 'modify', sql: `MODIFY COLUMN ${definition}`, from: one.from, to: column })
    } else {
      const place =
        at > lastOld ? '' : at === 0 ? ' FIRST' : ` AFTER ${mysqlIdent(columns[at - 1]?.name[1] as string)}`
      adds.push({ what: 'add column', sql: `ADD COLUMN ${definition}${place}`, to: column })
    }
  }
  return [...changes, ...adds]
}

/** The new default, where nothing else differs and it is a constant: that needs no look at the rest of the column. */
function onlyDefault({ from, to }: Difference, mariaDb: boolean): string | undefined {
  // Not even NULL can be set for these types in MySQL.
  if (!mariaDb && /(?:text|blob|json|point|linestring|polygon)$|^geom/i.test(asText(to?.properties['type'])))
    return undefined
  const value = asText(to?.properties['default'])
  if (from === undefined || to === undefined || !/^(?:NULL|-?[\d.]+|'(?:[^']|'')*')$/.test(value))
    return undefined
  const rest = (one: SchemaObject): Properties => ({ ...one.properties, default: '' })
  return sameJson(rest(from), rest(to)) ? value : undefined
}

function columnDrop(one: Difference): Clause {
  return { what: 'drop column', sql: `DROP COLUMN ${mysqlIdent(one.name)}`, from: one.from }
}

function checkDrop(one: Difference): Clause {
  return { what: 'drop check', sql: `DROP CONSTRAINT ${mysqlIdent(one.name)}`, from: one.from }
}

function checkAdd(one: Difference): Clause {
  return {
    what: 'add check',
    sql: `ADD ${checkText(one.name, (one.to as SchemaObject).properties)}`,
    to: one.to,
  }
}

/** Indexes that differ, and those that hold a column that is made anew. */
function indexClauses(
  table: string,
  context: RuleContext,
  differences: readonly Difference[],
  anew: ReadonlySet<string>,
): { drops: Clause[]; adds: Clause[] } {
  const [drops, adds]: [Clause[], Clause[]] = [[], []]
  const drop = (index: SchemaObject): void => {
    drops.push({ what: 'drop index', sql: indexDrop(index.name[1] as string), from: index })
  }
  const add = (index: SchemaObject): void => {
    adds.push({
      what: 'add index',
      sql: `ADD ${indexText(index.name[1] as string, index.properties)}`,
      to: index,
    })
  }
  const listed = new Set<string>()
  for (const one of differences) {
    if (one.kind !== 'index') continue
    listed.add(one.name)
    const visibility = visibilityClause(one)
    if (visibility !== undefined) {
      adds.push(visibility)
      continue
    }
    if (one.from !== undefined && one.verb !== 'create') drop(one.from)
    if (one.to !== undefined && one.verb !== 'drop') add(one.to)
  }
  const resized = resizesKeys(table, context)
  const added = adds.map((clause) => indexColumns(asTexts(clause.to?.properties['columns'])))
  for (const index of partsOf(context, table, 'after', 'index')) {
    const columns = indexColumns(asTexts(index.properties['columns']))
    const superseded = mayBeGenerated(index, context) && added.some((other) => beginsWith(other, columns))
    const rebuilt = superseded || columns.some((column) => anew.has(column))
    if (listed.has(index.name[1] as string) || !(rebuilt || (resized && !hasOwnSize(index)))) continue
    drop(index)
    add(index)
  }
  return { drops, adds }
}

function hasOwnSize(index: SchemaObject): boolean {
  return asText(index.properties['options']).includes('KEY_BLOCK_SIZE')
}

const VISIBILITY = /\b(?:(?:NOT )?IGNORED|(?:IN)?VISIBLE)\b/gi

/** Whether the optimiser sees an index is changed in place; dropped and added at once it would stay as it was. */
function visibilityClause({ name, from, to }: Difference): Clause | undefined {
  if (from === undefined || to === undefined) return undefined
  const options = [from, to].map((one) => asText(one.properties['options']))
  const [a, b] = options.map((one) => one.replaceAll(VISIBILITY, '').trim())
  const rest = (one: SchemaObject): Properties => ({ ...one.properties, options: '' })
  if (a !== b || !sameJson(rest(from), rest(to))) return undefined
  const [before, after] = options.map((one) => one.match(VISIBILITY)?.[0]?.toUpperCase())
  const word = after ?? (before === 'INVISIBLE' ? 'VISIBLE' : 'NOT IGNORED')
  return { what: 'visibility', sql: `ALTER INDEX ${mysqlIdent(name)} ${word}` }
}

function beginsWith(columns: readonly string[], others: readonly string[]): boolean {
  return others.every((name, at) => columns[at] === name)
}

function withoutDefault(differences: readonly Difference[], mariaDb: boolean): Clause[] {
  return differences.flatMap((one): Clause[] => {
    if (one.kind !== 'column' || one.to === undefined || !hasNoDefault(one.to.properties, mariaDb)) return []
    return [{ what: 'default', sql: `ALTER COLUMN ${mysqlIdent(one.name)} DROP DEFAULT` }]
  })
}

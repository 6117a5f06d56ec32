/** What a change of a table may do to those who use it. */
import { indexColumns } from '../inspect/tables.ts'
import { asText, asTexts } from '../text/properties.ts'
import type { RuleContext } from '../../../plan/action.ts'
import type { Hazard } from '../../../plan/hazards.ts'
import type { Properties } from '../../../snapshot/snapshot.ts'
import type { Cost } from './algorithm.ts'
import { keepsValues, mayOverflow, mustBeMadeAnew } from './column-type.ts'
import { partitionChange } from './partitions.ts'
import { isMariaDb, partsOf, plainFor, type Difference } from './sides.ts'
import { losesHistory } from './versioning.ts'

export function changeHazards(
  table: string,
  context: RuleContext,
  differences: readonly Difference[],
  statements: readonly { readonly cost: Cost }[],
): Hazard[] {
  const hazards = differences.flatMap((one) => [
    ...(one.kind === 'table' ? engineLoss(table, one) : losses(table, one, differences, context)),
    ...mayFail(table, one, context),
  ])
  hazards.push(...partitionLosses(table, context), ...versioningLoss(table, context))
  if (!plainFor(context, table)) {
    for (const { cost } of statements) hazards.push(...lockHazards(table, cost, context))
  }
  return hazards
}

/** MySQL locks the rows that a copied row refers to, until the copy has ended. */
function referencedBy(table: string, context: RuleContext): string {
  if (isMariaDb(context)) return ''
  const keys = partsOf(context, table, 'after', 'foreign_key')
  const names = new Set(
    keys.map(({ properties }) => asText(properties['references'])).filter((one) => one !== table),
  )
  return names.size === 0 ? '' : `, and rows of ${[...names].join(', ')} that it refers to cannot be changed`
}

function lockHazards(table: string, { level }: Cost, context: RuleContext): Hazard[] {
  switch (level) {
    case 'instant':
      return []
    case 'nocopy':
      return [{ name: 'index-build', detail: `an index of ${table} is built or removed while it is used` }]
    case 'inplace':
      return [
        {
          name: 'index-build',
          detail: `${table} is written anew while it is used, which needs room and time`,
        },
      ]
    case 'shared':
      return [{ name: 'long-lock', detail: `nobody can write to ${table} while an index is built` }]
    case 'copy':
      return [
        {
          name: 'table-rewrite',
          detail: `${table} is copied; it can be read but not written meanwhile${referencedBy(table, context)}`,
        },
      ]
  }
}

/** Engines that keep no rows, or only until the server stops. */
const FORGETFUL: Readonly<Record<string, string>> = {
  blackhole: 'the rows of {} are removed: BLACKHOLE keeps none',
  memory: 'the rows of {} are removed when the server stops: MEMORY keeps them no longer',
}

function engineLoss(table: string, { from, to }: Difference): Hazard[] {
  const [before, after] = [from, to].map((one) => asText(one?.properties['engine']).toLowerCase())
  const why = before === after ? undefined : FORGETFUL[after ?? '']
  return from === undefined || why === undefined ? [] : [loss(why.replace('{}', table))]
}

function losses(table: string, one: Difference, all: readonly Difference[], context: RuleContext): Hazard[] {
  if (one.kind !== 'column') return []
  const place = `${table}.${one.name}`
  if (one.verb === 'drop') {
    const respelt = all.some(
      (other) =>
        other.kind === 'column' &&
        other.verb === 'create' &&
        other.name !== one.name &&
        other.name.toLowerCase() === one.name.toLowerCase(),
    )
    const computed = one.from?.properties['generated'] !== undefined
    return respelt || computed ? [] : [loss(`the values of ${place} are removed`)]
  }
  if (one.verb !== 'alter' || one.from === undefined || one.to === undefined) return []
  const [a, b] = [one.from.properties, one.to.properties]
  if (b['generated'] !== undefined) {
    return a['generated'] === undefined ? [loss(`the values of ${place} are replaced by computed ones`)] : []
  }
  const types = `${asText(a['type'])} to ${asText(b['type'])}`
  if (mustBeMadeAnew(one, context)) {
    const computed = a['generated'] !== undefined
    return [
      loss(
        computed
          ? `${place} is no longer computed and begins without values`
          : `the values of ${place} are removed: no way from ${types}`,
      ),
    ]
  }
  const filled = nullsFilled(place, a, b, context)
  const same = a['type'] === b['type'] && a['charset'] === b['charset']
  if (same || keepsValues(a, b)) return filled
  return [...filled, loss(`values of ${place} that do not fit are cut or changed: ${types}`)]
}

/** Of other types the server refuses a NULL that must not be any more. */
function nullsFilled(place: string, from: Properties, to: Properties, context: RuleContext): Hazard[] {
  if (from['nullable'] !== true || to['nullable'] === true) return []
  if (to['autoIncrement'] === true) return [loss(`NULL in ${place} becomes a number`)]
  const timestamp = isMariaDb(context) && /^timestamp/i.test(asText(to['type']))
  return timestamp ? [loss(`NULL in ${place} becomes the time of the change`)] : []
}

function loss(detail: string): Hazard {
  return { name: 'data-loss', detail }
}

function mayFail(table: string, one: Difference, context: RuleContext): Hazard[] {
  const fails = (detail: string): Hazard[] => [{ name: 'may-fail', detail }]
  if (one.verb === 'drop' || one.to === undefined) return []
  const place = `${table}.${one.name}`
  const { properties } = one.to
  if (one.kind === 'check') {
    const unlooked = / NOT ENFORCED$/i.test(asText(properties['definition']))
    return unlooked ? [] : fails(`rows of ${table} may break the check ${one.name}`)
  }
  if (one.kind === 'index') {
    const unique = properties['index'] === 'unique' || properties['index'] === 'primary'
    return unique ? fails(`rows of ${table} may be duplicates for ${one.name}`) : []
  }
  if (one.kind === 'table') {
    const [before, after] = [one.from?.properties, properties].map((all) => asTexts(all?.['periods']))
    const added = after?.filter((period) => !before?.includes(period)) ?? []
    return added.flatMap((period) => fails(`rows of ${table} may begin after they end: ${period}`))
  }
  if (one.kind !== 'column') return []
  return [...columnMayFail(place, one.from?.properties, properties), ...mayCollide(table, one, context)]
}

/** Values that differ by case, accents or blanks at the end can be the same to another collation. */
function mayCollide(table: string, { name, from, to }: Difference, context: RuleContext): Hazard[] {
  if (from === undefined || from.properties['collation'] === to?.properties['collation']) return []
  return partsOf(context, table, 'after', 'index').flatMap((index): Hazard[] => {
    const unique = index.properties['index'] === 'unique' || index.properties['index'] === 'primary'
    if (!unique || !indexColumns(asTexts(index.properties['columns'])).includes(name)) return []
    const detail = `values of ${table}.${name} may be duplicates for ${index.name[1]} by its new collation`
    return [{ name: 'may-fail', detail }]
  })
}

function columnMayFail(place: string, from: Properties | undefined, to: Properties): Hazard[] {
  const fails = (detail: string): Hazard[] => [{ name: 'may-fail', detail }]
  if (to['check'] !== undefined && to['check'] !== from?.['check']) {
    return fails(`values of ${place} may break its check`)
  }
  if (from === undefined) return []
  if (from['nullable'] === true && to['nullable'] === false) {
    return fails(`${place} may hold NULL, which it must not any longer`)
  }
  const same = from['type'] === to['type'] && from['charset'] === to['charset']
  return !same && (!keepsValues(from, to) || mayOverflow(from, to))
    ? fails(`values of ${place} may not fit`)
    : []
}

function partitionLosses(table: string, context: RuleContext): Hazard[] {
  const { before, after, tail } = partitionChange(table, context)
  const dropped = [...before, ...after].flatMap((clause) => clause.names ?? [])
  if (dropped.length > 0) {
    return [loss(`the rows in the partitions ${dropped.join(', ')} of ${table} are removed`)]
  }
  const limited = /^PARTITION BY (?:RANGE|LIST)\b/i.test(tail) && !/ (?:MAXVALUE|DEFAULT)\b/i.test(tail)
  return limited ? [{ name: 'may-fail', detail: `rows of ${table} may fit in none of its partitions` }] : []
}

function versioningLoss(table: string, context: RuleContext): Hazard[] {
  return losesHistory(table, context) ? [loss(`the history of ${table} is removed`)] : []
}

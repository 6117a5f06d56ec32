/** Options of a table: engine, character set, comment, format, versioning. */
import { asText } from '../text/properties.ts'
import type { RuleContext } from '../../../plan/action.ts'
import { objectId, type Properties } from '../../../snapshot/snapshot.ts'
import { sameJson } from '../../../snapshot/canonical.ts'
import type { Clause } from './clause.ts'

/** What stands for "not set" where that is not DEFAULT. */
const UNSET: Readonly<Record<string, string>> = {
  COMMENT: "''",
  KEY_BLOCK_SIZE: '0',
  CHECKSUM: '0',
  MIN_ROWS: '0',
  MAX_ROWS: '0',
  AVG_ROW_LENGTH: '0',
  DELAY_KEY_WRITE: '0',
  CONNECTION: "''",
  INSERT_METHOD: 'NO',
  UNION: '()',
  AUTOEXTEND_SIZE: '0',
  COMPRESSION: "''",
  ENCRYPTION: "'N'",
  TABLESPACE: 'innodb_file_per_table',
  ENGINE_ATTRIBUTE: "''",
  SECONDARY_ENGINE_ATTRIBUTE: "''",
  SECONDARY_ENGINE: 'NULL',
}

export function optionClauses(table: string, context: RuleContext): Clause[] {
  const id = objectId('table', table)
  const [from, to] = [context.before(id)?.properties, context.after(id)?.properties]
  if (from === undefined || to === undefined) return []
  return [...periodClauses(from, to), ...plainOptions(from, to)]
}

const PAGE_CHECKSUM = 'PAGE_CHECKSUM'

/** Aria gives this option a value again for as long as the table is its own. */
function outlivesEngine(from: Properties, to: Properties): boolean {
  const was = optionsOf(from)[PAGE_CHECKSUM] !== undefined && from['engine'] === 'Aria'
  return was && to['engine'] !== 'Aria' && optionsOf(to)[PAGE_CHECKSUM] === undefined
}

/** An option that the new engine would not know, and keep all the same: it can only be taken away before. */
export function foreignClauses(table: string, context: RuleContext): Clause[] {
  const id = objectId('table', table)
  const [from, to] = [context.before(id)?.properties, context.after(id)?.properties]
  if (from === undefined || to === undefined || from['engine'] === to['engine']) return []
  return Object.keys(optionsOf(from))
    .filter((name) => goesWithEngine(name, to))
    .map((name): Clause => ({ what: 'option', sql: `${name}=DEFAULT` }))
}

function goesWithEngine(name: string, to: Properties): boolean {
  return name.startsWith('`') && optionsOf(to)[name] === undefined
}

/** Options that can only be taken away once the table has its new engine. */
export function leftOverClauses(table: string, context: RuleContext): Clause[] {
  const id = objectId('table', table)
  const [from, to] = [context.before(id)?.properties, context.after(id)?.properties]
  if (from === undefined || to === undefined || !outlivesEngine(from, to)) return []
  return [{ what: 'option', sql: `${PAGE_CHECKSUM}=DEFAULT` }]
}

/** Whether the size of key blocks changes: keys that have none of their own remember the one of the table. */
export function resizesKeys(table: string, context: RuleContext): boolean {
  const id = objectId('table', table)
  const before = context.before(id)?.properties ?? {}
  const [from, to] = [before, context.after(id)?.properties ?? {}].map(
    (properties) => optionsOf(properties)['KEY_BLOCK_SIZE'],
  )
  // Aria and MyISAM give every key a size.
  return from !== to && (from !== undefined || ['Aria', 'MyISAM'].includes(asText(before['engine'])))
}

/** Options as they stand after the bracket of CREATE TABLE. */
export function optionsText(properties: Properties): string {
  const { engine, charset, collation, comment, versioned } = properties
  const parts: string[] = []
  if (engine !== undefined) parts.push(`ENGINE=${asText(engine)}`)
  if (charset !== undefined) parts.push(`DEFAULT CHARACTER SET ${asText(charset)}`)
  if (collation !== undefined) parts.push(`COLLATE ${asText(collation)}`)
  for (const [name, value] of Object.entries(optionsOf(properties))) parts.push(`${name}=${value}`)
  if (comment !== undefined) parts.push(`COMMENT=${asText(comment)}`)
  if (versioned === true) parts.push('WITH SYSTEM VERSIONING')
  return parts.join(' ')
}

function optionsOf(properties: Properties): Readonly<Record<string, string>> {
  return (properties['options'] ?? {}) as Readonly<Record<string, string>>
}

/** @param owner a table, or a column whose character set the table has for a while */
export function charsetClause(owner: Properties): Clause {
  const collate = owner['collation'] === undefined ? '' : ` COLLATE ${asText(owner['collation'])}`
  return { what: 'charset', sql: `DEFAULT CHARACTER SET ${asText(owner['charset'])}${collate}` }
}

function plainOptions(from: Properties, to: Properties): Clause[] {
  const clauses: Clause[] = []
  const [before, after] = [optionsOf(from), optionsOf(to)]
  if (from['engine'] !== to['engine']) clauses.push({ what: 'engine', sql: `ENGINE=${asText(to['engine'])}` })
  if (from['charset'] !== to['charset'] || from['collation'] !== to['collation']) {
    clauses.push(charsetClause(to))
  }
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[name] === after[name]) continue
    if (from['engine'] !== to['engine'] && goesWithEngine(name, to)) continue
    if (name === PAGE_CHECKSUM && outlivesEngine(from, to)) continue
    clauses.push({ what: 'option', sql: `${name}=${after[name] ?? UNSET[name] ?? 'DEFAULT'}` })
  }
  if (from['comment'] !== to['comment']) {
    clauses.push({ what: 'comment', sql: `COMMENT=${asText(to['comment'] ?? "''")}` })
  }
  return clauses
}

function periodClauses(from: Properties, to: Properties): Clause[] {
  const clauses: Clause[] = []
  const [before, after] = [from['periods'] ?? [], to['periods'] ?? []] as [
    readonly string[],
    readonly string[],
  ]
  if (!sameJson(before, after)) {
    for (const period of before) {
      if (!after.includes(period))
        clauses.push({ what: 'period', sql: `DROP PERIOD FOR ${period.split(' (')[0]}` })
    }
    for (const period of after) {
      if (!before.includes(period)) clauses.push({ what: 'period', sql: `ADD PERIOD FOR ${period}` })
    }
  }
  if (from['versioned'] !== to['versioned']) {
    clauses.push({
      what: 'versioning',
      sql: `${to['versioned'] === true ? 'ADD' : 'DROP'} SYSTEM VERSIONING`,
    })
  }
  return clauses
}

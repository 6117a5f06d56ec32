/** Keys and constraints as they stand in CREATE TABLE and after ADD. */
import { asText } from './properties.ts'
import { mysqlIdent } from '../../../../engine/mysql-sql.ts'
import type { Properties } from '../../../snapshot/snapshot.ts'
import type { ForeignKey, Index } from './show-create-table.ts'

const KEYWORDS: Readonly<Record<Index['index'], string>> = {
  primary: 'PRIMARY KEY',
  unique: 'UNIQUE KEY',
  plain: 'KEY',
  fulltext: 'FULLTEXT KEY',
  spatial: 'SPATIAL KEY',
  vector: 'VECTOR KEY',
}

export function indexText(name: string, properties: Properties): string {
  const { index, columns, options } = properties as unknown as Index
  const named = index === 'primary' ? '' : ` ${mysqlIdent(name)}`
  return `${KEYWORDS[index]}${named} (${columns.join(',')})${options === undefined ? '' : ` ${options}`}`
}

export function indexDrop(name: string): string {
  return name === 'PRIMARY' ? 'DROP PRIMARY KEY' : `DROP KEY ${mysqlIdent(name)}`
}

export function checkText(name: string, properties: Properties): string {
  return `CONSTRAINT ${mysqlIdent(name)} ${asText(properties['definition'])}`
}

export function foreignKeyText(name: string, properties: Properties): string {
  const key = properties as unknown as ForeignKey
  const list = (names: readonly string[]): string => names.map((one) => mysqlIdent(one)).join(', ')
  const other = [...(key.database === undefined ? [] : [key.database]), key.references]
    .map((one) => mysqlIdent(one))
    .join('.')
  const text = `CONSTRAINT ${mysqlIdent(name)} FOREIGN KEY (${list(key.columns)}) REFERENCES ${other} (${list(key.referencedColumns)})`
  return key.actions === undefined ? text : `${text} ${key.actions}`
}

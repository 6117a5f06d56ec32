/** Columns of tables, with everything that stands on one: default, identity, generation, storage, statistics. */
import { said } from '../said.ts'
import type { Json } from '../../../snapshot/canonical.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { canonicalText, optionsOf } from './text.ts'

/** From 18 on NOT NULL is a constraint with a name, told when it is not the usual one; a child's may be any. */
const NOT_NULL_18 = `left join pg_constraint nn on nn.conrelid = a.attrelid and nn.contype = 'n' and nn.conkey[1] = a.attnum`

/** A default that is another one for each row makes ADD COLUMN write every row. */
const VOLATILE = `(ad.adbin::text like '%NEXTVALUEEXPR%' or exists (select from regexp_matches(ad.adbin::text, ':(?:funcid|opfuncid) ([0-9]+)', 'g') f
      join pg_proc p on p.oid = f[1]::oid where p.provolatile = 'v'))`

export const columns: Reader = {
  name: 'columns',
  sql: ({ version }) => `select rel.oid, rel.kind, rel.schema, rel.name as relation, a.attname, a.attnum,
    format_type(a.atttypid, a.atttypmod) as type,
    case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end as collation,
    a.attnotnull, ad.oid as default_oid, pg_get_expr(ad.adbin, ad.adrelid) as expression, a.attgenerated,
    case when not c.relispartition then a.attidentity end as identity,
    case when a.attstorage <> t.typstorage then a.attstorage end as storage, a.attcompression,
    case when a.attstattarget >= 0 then a.attstattarget end as statistics, a.attoptions, a.attfdwoptions,
    t.typstorage as usual_storage, case when ad.oid is not null then ${VOLATILE} end as volatile,
    a.attislocal, a.attinhcount, c.relispartition, c.reloftype <> 0 as typed,
    ${
      version >= 180000
        ? 'nn.conname as nn_name, nn.connoinherit as nn_no_inherit, nn.convalidated as nn_valid, nn.coninhcount = 0 as nn_own,'
        : ''
    }
    s.seqrelid, sc.relname as seq_name, sn.nspname as seq_schema, nt.nspname as own_schema,
    format_type(s.seqtypid, null) as seq_type, s.seqstart::text, s.seqincrement::text, s.seqmin::text, s.seqmax::text,
    s.seqcache::text, s.seqcycle, ${version >= 150000 ? 'sc' : 'c'}.relpersistence as seq_persistence, c.relpersistence
    from rel join pg_class c on c.oid = rel.oid join pg_namespace nt on nt.oid = c.relnamespace
    join pg_attribute a on a.attrelid = rel.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef ad on ad.adrelid = a.attrelid and ad.adnum = a.attnum and a.atthasdef
    ${version >= 180000 ? NOT_NULL_18 : ''}
    left join pg_depend sd on a.attidentity <> '' and sd.refclassid = 1259::oid and sd.refobjid = a.attrelid
      and sd.refobjsubid = a.attnum and sd.classid = 1259::oid and sd.objsubid = 0 and sd.deptype = 'i'
    left join pg_sequence s on s.seqrelid = sd.objid left join pg_class sc on sc.oid = s.seqrelid
    left join pg_namespace sn on sn.oid = sc.relnamespace
    where rel.relkind in ('r', 'p', 'f')`,
  read: (rows) => ({ found: rows.map(column) }),
}

const STORAGE: Readonly<Record<string, string>> = { p: 'plain', e: 'external', x: 'extended', m: 'main' }
const COMPRESSION: Readonly<Record<string, string>> = { p: 'pglz', l: 'lz4' }

function column(row: ReaderRow): Found {
  const path = [said(row['schema']), said(row['relation'])]
  const generated = said(row['attgenerated'] ?? '')
  const expression = typeof row['expression'] === 'string' ? canonicalText(row['expression']) : null
  return {
    kind: 'column',
    name: [...path, said(row['attname'])],
    parent: objectId(said(row['kind']), ...path),
    properties: stated({
      type: row['type'],
      collation: row['collation'],
      notNull: row['attnotnull'],
      ...notNullConstraint(row),
      default: generated === '' ? expression : null,
      generated: generated === '' ? null : { kind: generated === 'v' ? 'virtual' : 'stored', expression },
      identity: identity(row),
      storage: STORAGE[said(row['storage'])],
      compression: COMPRESSION[said(row['attcompression'])],
      statistics: row['statistics'] === null ? null : said(row['statistics']),
      options: optionsOf(row['attoptions']),
      serverOptions: optionsOf(row['attfdwoptions']),
      inherited: row['attislocal'] === false && row['relispartition'] !== true,
    }),
    facts: stated({
      position: row['attnum'],
      fromParent: Number(row['attinhcount']) > 0,
      typed: row['typed'],
      notNullConstraint: row['nn_name'],
      usualStorage: STORAGE[said(row['usual_storage'])],
      volatileDefault: row['volatile'],
    }),
    addresses: [
      address('pg_class', row['oid'], row['attnum']),
      ...(row['default_oid'] === null ? [] : [address('pg_attrdef', row['default_oid'])]),
      ...(row['seqrelid'] === null ? [] : [address('pg_class', row['seqrelid'])]),
    ],
  }
}

function notNullConstraint(row: ReaderRow): Readonly<Record<string, Json | undefined>> {
  const name = row['nn_name']
  if (typeof name !== 'string') return {}
  const usual = usualNotNullName(said(row['relation']), said(row['attname']))
  return {
    notNullName: name === usual || row['nn_own'] === false ? null : name,
    notNullNoInherit: row['nn_no_inherit'],
    notNullNotValid: row['nn_valid'] === false,
  }
}

const LONGEST_NAME = 63

/** As the server makes it: both names are cut, the longer one first, until all fits. */
export function usualNotNullName(table: string, name: string): string {
  const end = '_not_null'
  const room = LONGEST_NAME - end.length - 1
  let [first, second] = [Buffer.byteLength(table), Buffer.byteLength(name)]
  while (first + second > room) {
    if (first > second) first--
    else second--
  }
  return `${cut(table, first)}_${cut(name, second)}${end}`
}

/** The longest beginning of whole characters that has at most so many bytes. */
function cut(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text
  let result = ''
  for (const character of text) {
    if (Buffer.byteLength(result + character) > bytes) break
    result += character
  }
  return result
}

/** Told when it is not the table's. */
function ownPersistence(row: ReaderRow): string | null {
  if (row['seq_persistence'] === row['relpersistence']) return null
  return row['seq_persistence'] === 'u' ? 'unlogged' : 'logged'
}

function identity(row: ReaderRow): Json {
  const generation = row['identity']
  if ((generation !== 'a' && generation !== 'd') || row['seqrelid'] === null) return null
  return {
    generation: generation === 'a' ? 'always' : 'by default',
    sequence:
      row['seq_schema'] === row['own_schema']
        ? [said(row['seq_name'])]
        : [said(row['seq_schema']), said(row['seq_name'])],
    start: row['seqstart'] as string,
    increment: row['seqincrement'] as string,
    minimum: row['seqmin'] as string,
    maximum: row['seqmax'] as string,
    cache: row['seqcache'] as string,
    cycle: row['seqcycle'] as boolean,
    persistence: ownPersistence(row),
  }
}

/** Columns of tables, with everything that stands on one: default, identity, generation, storage, statistics. */
import { said } from '../said.ts'
import { usualNotNullName } from '../usual-names.ts'
import type { Json } from '../../../snapshot/canonical.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { canonicalText, optionsOf } from './text.ts'

/**
 * From 18 on NOT NULL is a constraint with a name, told when it is not the usual one. What a child has from its parent
 * may have any name, and was proved when the child was made; one that holds it itself as well has a name of its own.
 */
const NOT_NULL_18 = `left join pg_constraint nn on nn.conrelid = a.attrelid and nn.contype = 'n' and nn.conkey[1] = a.attnum`

/** A default that is another one for each row makes ADD COLUMN write every row. */
const VOLATILE = `(adbin::text like '%NEXTVALUEEXPR%' or exists (select from regexp_matches(adbin::text, ':(?:funcid|opfuncid) ([0-9]+)', 'g') f
      join pg_proc p on p.oid = f[1]::oid where p.provolatile = 'v'))`

/** Equal texts of one type are equal expressions: only one of each is looked into. */
const DEFAULTS = `defaults as materialized (select ad.oid, ad.adrelid, ad.adnum, ad.adbin, a.atttypid,
      pg_get_expr(ad.adbin, ad.adrelid) collate "C" as expression
      from rel join pg_attrdef ad on ad.adrelid = rel.oid join pg_attribute a on a.attrelid = ad.adrelid and a.attnum = ad.adnum
      where rel.relkind in ('r', 'p', 'f')),
    kinds as materialized (select atttypid, expression, ${VOLATILE} as volatile
      from (select distinct on (atttypid, expression) atttypid, expression, adbin from defaults) one)`

/** Sequences of identities. */
const IDENTITIES = (
  version: number,
): string => `identities as (select d.refobjid, d.refobjsubid, s.seqrelid, json_build_array(
      case when sc.relnamespace <> c.relnamespace then sn.nspname end, sc.relname,
      s.seqstart::text, s.seqincrement::text, s.seqmin::text, s.seqmax::text, s.seqcache::text, s.seqcycle,
      nullif(${version >= 150000 ? 'sc' : 'c'}.relpersistence, c.relpersistence)) as sequence
      from pg_depend d join pg_sequence s on s.seqrelid = d.objid join pg_class sc on sc.oid = d.objid
      join pg_namespace sn on sn.oid = sc.relnamespace join pg_class c on c.oid = d.refobjid
      where d.classid = 1259::oid and d.objsubid = 0 and d.refclassid = 1259::oid and d.refobjsubid > 0 and d.deptype = 'i')`

export const columns: Reader = {
  also: ({ version }) => `${DEFAULTS}, ${IDENTITIES(version)}`,
  sql: ({ version }) => `select rel.oid, rel.kind, rel.schema, rel.name as relation, a.attname, a.attnum,
    format_type(a.atttypid, a.atttypmod) as type,
    case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end as collation,
    a.attnotnull, ad.oid as default_oid, ad.expression, nullif(a.attgenerated, '') as attgenerated,
    case when not c.relispartition then nullif(a.attidentity, '') end as identity,
    case when a.attstorage <> t.typstorage then a.attstorage end as storage, nullif(a.attcompression, '') as attcompression,
    case when a.attstattarget >= 0 then a.attstattarget end as statistics, a.attoptions, a.attfdwoptions,
    t.typstorage as usual_storage, k.volatile,
    case when not a.attislocal and not c.relispartition then true end as inherited, nullif(a.attinhcount > 0, false) as from_parent,
    case when c.reloftype <> 0 then true end as typed,
    ${
      version >= 180000
        ? `nn.conname as nn_name, nn.connoinherit as nn_no_inherit, nn.convalidated as nn_valid, nn.coninhcount > 0 as nn_inherited,
    not nn.conislocal and nn.coninhcount > 0 and not c.relispartition as nn_of_parent, c.relispartition,`
        : ''
    }
    i.seqrelid, i.sequence
    from rel join pg_class c on c.oid = rel.oid
    join pg_attribute a on a.attrelid = rel.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join defaults ad on ad.adrelid = a.attrelid and ad.adnum = a.attnum
    left join kinds k on k.atttypid = ad.atttypid and k.expression = ad.expression
    left join identities i on i.refobjid = a.attrelid and i.refobjsubid = a.attnum
    ${version >= 180000 ? NOT_NULL_18 : ''}
    where rel.relkind in ('r', 'p', 'f')`,
  read: (rows, { columnNames }) => {
    const tables = new Map<Json, TableOfColumns>()
    return {
      found: rows.map((row) => {
        const oid = row['oid'] ?? null
        const known = tables.get(oid)
        const table = known ?? tableOf(row)
        if (known === undefined) tables.set(oid, table)
        const found = column(row, table)
        columnNames.set(found.addresses[0] as string, said(row['attname']))
        return found
      }),
    }
  },
}

interface TableOfColumns {
  readonly name: readonly string[]
  readonly parent: string
}

function tableOf(row: ReaderRow): TableOfColumns {
  const name = [said(row['schema']), said(row['relation'])]
  return { name, parent: objectId(said(row['kind']), ...name) }
}

const STORAGE: Readonly<Record<string, string>> = { p: 'plain', e: 'external', x: 'extended', m: 'main' }
const COMPRESSION: Readonly<Record<string, string>> = { p: 'pglz', l: 'lz4' }

function column(row: ReaderRow, { name, parent }: TableOfColumns): Found {
  const generated = said(row['attgenerated'] ?? '')
  const expression = typeof row['expression'] === 'string' ? canonicalText(row['expression']) : null
  return {
    kind: 'column',
    name: [...name, said(row['attname'])],
    parent,
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
      inherited: row['inherited'],
    }),
    facts: stated({
      position: row['attnum'],
      fromParent: row['from_parent'],
      typed: row['typed'],
      notNullConstraint: row['nn_name'],
      notNullInherited: row['nn_inherited'],
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
    // A partition has the name that its parent gave it, a child only where it holds none of its own.
    notNullName: name === usual || (row['nn_inherited'] === true && !isHeld(row)) ? null : name,
    notNullOfParent: row['nn_of_parent'],
    notNullNoInherit: row['nn_no_inherit'],
    notNullNotValid: row['nn_valid'] === false && row['nn_inherited'] === false,
  }
}

function isHeld(row: ReaderRow): boolean {
  return row['nn_of_parent'] !== true && row['relispartition'] !== true
}

function identity(row: ReaderRow): Json {
  const generation = row['identity']
  const sequence = row['sequence']
  if ((generation !== 'a' && generation !== 'd') || !Array.isArray(sequence)) return null
  const [schema, name, start, increment, minimum, maximum, cache, cycle, persistence] = sequence as Json[]
  return {
    generation: generation === 'a' ? 'always' : 'by default',
    sequence: schema === null ? [said(name)] : [said(schema), said(name)],
    start: start as string,
    increment: increment as string,
    minimum: minimum as string,
    maximum: maximum as string,
    cache: cache as string,
    cycle: cycle as boolean,
    // Told when it is not the table's.
    persistence: persistence === null ? null : persistence === 'u' ? 'unlogged' : 'logged',
  }
}

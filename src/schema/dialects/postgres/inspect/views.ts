/** Views and materialized views with their columns, which carry comments, grants and defaults of their own. */
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { canonicalText, optionsOf } from './text.ts'
import { said } from '../said.ts'

export const views: Reader = {
  sql: () => `select rel.oid, rel.kind, rel.schema, rel.name, pg_get_viewdef(rel.oid) as definition, c.reloptions,
    (select toast.reloptions from pg_class toast where toast.oid = c.reltoastrelid) as toast,
    t.oid as rowtype, t.typarray, r.oid as rule, pg_get_userbyid(c.relowner) as owner, c.relispopulated,
    case when rel.relkind = 'm' and c.relpages > 0 then c.relpages::int8 * 8192 end as bytes,
    case when am.amname <> 'heap' then am.amname end as method, ts.spcname as tablespace
    from rel join pg_class c on c.oid = rel.oid join pg_type t on t.oid = c.reltype
    left join pg_rewrite r on r.ev_class = c.oid and r.ev_type = '1'
    left join pg_am am on am.oid = c.relam left join pg_tablespace ts on ts.oid = c.reltablespace
    where rel.relkind in ('v', 'm')`,
  read: (rows) => ({ found: rows.map(view) }),
}

function view(row: ReaderRow): Found {
  const name = [said(row['schema']), said(row['name'])]
  return {
    kind: said(row['kind']),
    name,
    parent: null,
    properties: stated({
      definition: canonicalText(said(row['definition']).replace(/;$/, '')),
      options: optionsOf(row['reloptions']),
      toastOptions: optionsOf(row['toast']),
      accessMethod: row['method'],
      tablespace: row['tablespace'],
    }),
    facts: stated({
      owner: row['owner'],
      bytes: row['bytes'],
      unpopulated: row['kind'] === 'materialized_view' && row['relispopulated'] === false,
    }),
    addresses: [
      address('pg_class', row['oid']),
      address('pg_rewrite', row['rule']),
      address('pg_type', row['rowtype']),
      address('pg_type', row['typarray']),
    ],
    needs: [objectId('schema', name[0] as string)],
  }
}

const STORAGE: Readonly<Record<string, string>> = { p: 'plain', e: 'external', x: 'extended', m: 'main' }
const COMPRESSION: Readonly<Record<string, string>> = { p: 'pglz', l: 'lz4' }

export const viewColumns: Reader = {
  sql: () => `select rel.oid, rel.kind, rel.schema, rel.name as relation, a.attname, a.attnum,
    format_type(a.atttypid, a.atttypmod) as type, a.attcollation::regcollation::text as collation,
    ad.oid as default_oid, pg_get_expr(ad.adbin, ad.adrelid) as expression,
    case when a.attstorage <> t.typstorage then a.attstorage end as storage, t.typstorage, a.attcompression,
    case when a.attstattarget >= 0 then a.attstattarget end as statistics, a.attoptions
    from rel join pg_attribute a on a.attrelid = rel.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef ad on ad.adrelid = a.attrelid and ad.adnum = a.attnum and a.atthasdef
    where rel.relkind in ('v', 'm')`,
  read: (rows) => ({ found: rows.map(viewColumn) }),
}

function viewColumn(row: ReaderRow): Found {
  const path = [said(row['schema']), said(row['relation'])]
  return {
    kind: 'view_column',
    name: [...path, said(row['attname'])],
    parent: objectId(said(row['kind']), ...path),
    properties: stated({
      default: typeof row['expression'] === 'string' ? canonicalText(row['expression']) : null,
      storage: STORAGE[said(row['storage'])],
      compression: COMPRESSION[said(row['attcompression'])],
      statistics: row['statistics'] === null ? null : said(row['statistics']),
      options: optionsOf(row['attoptions']),
    }),
    facts: stated({
      position: row['attnum'],
      type: row['type'],
      collation: row['collation'],
      usualStorage: STORAGE[said(row['typstorage'])],
    }),
    addresses: [
      address('pg_class', row['oid'], row['attnum']),
      ...(row['default_oid'] === null ? [] : [address('pg_attrdef', row['default_oid'])]),
    ],
  }
}

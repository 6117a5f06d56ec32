/** Indexes that no constraint has made. */
import { said } from '../said.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { canonicalText, optionsOf, withoutOptions } from './text.ts'

export const indexes: Reader = {
  sql: () => `select ic.oid, rel.kind, rel.schema, rel.name as relation, ic.relname, ic.relkind, x.indisunique,
    pg_get_indexdef(ic.oid) as definition,
    format('CREATE %sINDEX %I ON %s%I.%I USING ', case when x.indisunique then 'UNIQUE ' end, ic.relname,
      case when ic.relkind = 'I' then 'ONLY ' end, n.nspname, rel.name) as beginning,
    case when ic.reltablespace <> 0 then (select ts.spcname from pg_tablespace ts where ts.oid = ic.reltablespace) end as tablespace,
    ic.reloptions, x.indisclustered, x.indisreplident, x.indisvalid,
    case when ic.relispartition then (select p.relname from pg_inherits i join pg_class p on p.oid = i.inhparent
      where i.inhrelid = ic.oid) end as attached,
    case when x.indexprs is not null then (select json_object_agg(a.attnum, a.attstattarget) from pg_attribute a
      where a.attrelid = ic.oid and a.attstattarget >= 0) end as statistics
    from rel join pg_index x on x.indrelid = rel.oid join pg_class ic on ic.oid = x.indexrelid
    join pg_namespace n on n.oid = rel.relnamespace
    where rel.relkind in ('r', 'p', 'm') and (x.indisvalid or ic.relkind = 'I')
    and not exists (select from pg_constraint k where k.conindid = ic.oid and k.conrelid = rel.oid and k.contype in ('p', 'u', 'x'))
    and not exists (select from member m where m.classid = 1259::oid and m.objid = ic.oid)`,
  read: (rows) => ({ found: rows.map(index) }),
}

function index(row: ReaderRow): Found {
  const path = [said(row['schema']), said(row['relation'])]
  const [definition, beginning] = [said(row['definition']), said(row['beginning'])]
  const options = optionsOf(row['reloptions'])
  const using = definition.startsWith(beginning) ? definition.slice(beginning.length) : definition
  return {
    kind: 'index',
    name: [...path, said(row['relname'])],
    parent: objectId(said(row['kind']), ...path),
    properties: stated({
      unique: row['indisunique'],
      // Everything after the name of the table: method, columns, INCLUDE, NULLS, WHERE.
      using: canonicalText(withoutOptions(using, options)),
      options,
      tablespace: row['tablespace'],
      clustered: row['indisclustered'],
      replicaIdentity: row['indisreplident'],
      attachedTo: row['attached'],
      statistics: row['statistics'],
      incomplete: row['relkind'] === 'I' && row['indisvalid'] === false,
    }),
    facts: stated({ partitioned: row['relkind'] === 'I' }),
    addresses: [address('pg_class', row['oid'])],
  }
}

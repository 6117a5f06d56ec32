/** Sequences of their own, and which column each belongs to. An identity's sequence is a part of its column. */
import { said } from '../said.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, stated, type Found, type Reader, type ReaderRow } from './reader.ts'

export const sequences: Reader = {
  sql: () => `select rel.oid, rel.schema, rel.name, c.relpersistence, pg_get_userbyid(c.relowner) as owner,
    format_type(s.seqtypid, null) as type, s.seqstart::text, s.seqincrement::text, s.seqmin::text, s.seqmax::text,
    s.seqcache::text, s.seqcycle,
    t.kind as table_kind, t.schema as table_schema, t.name as table_name, a.attname as column_name
    from rel join pg_class c on c.oid = rel.oid join pg_sequence s on s.seqrelid = rel.oid
    left join pg_depend d on d.classid = 1259::oid and d.objid = rel.oid and d.objsubid = 0
      and d.refclassid = 1259::oid and d.refobjsubid > 0 and d.deptype = 'a'
    left join rel t on t.oid = d.refobjid
    left join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
    where rel.relkind = 'S'`,
  read: (rows) => ({
    found: rows.flatMap((row) =>
      row['table_name'] === null ? [sequence(row)] : [sequence(row), owner(row)],
    ),
  }),
}

function sequence(row: ReaderRow): Found {
  return {
    kind: 'sequence',
    name: [said(row['schema']), said(row['name'])],
    parent: null,
    properties: stated({
      type: row['type'],
      start: row['seqstart'],
      increment: row['seqincrement'],
      minimum: row['seqmin'],
      maximum: row['seqmax'],
      cache: row['seqcache'],
      cycle: row['seqcycle'],
      unlogged: row['relpersistence'] === 'u',
    }),
    facts: { owner: row['owner'] ?? null },
    addresses: [address('pg_class', row['oid'])],
    needs: [objectId('schema', said(row['schema']))],
  }
}

function owner(row: ReaderRow): Found {
  const name = [said(row['schema']), said(row['name'])]
  const column = [row['table_schema'], row['table_name'], row['column_name']].map(String)
  return {
    kind: 'sequence_owner',
    name,
    parent: objectId('sequence', ...name),
    properties: { column },
    addresses: [],
    needs: [objectId('column', ...column)],
  }
}

/** Constraints of tables. An index that only serves a constraint is a part of its description. */
import { said } from '../said.ts'
import type { Json } from '../../../snapshot/canonical.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { canonicalText, optionsOf, withoutEnd } from './text.ts'

const TYPE: Readonly<Record<string, string>> = {
  p: 'primary key',
  u: 'unique',
  x: 'exclusion',
  c: 'check',
  f: 'foreign key',
}

/** Left out: what a partition or child only has because its parent has it, and cannot be otherwise. */
const INHERITED = `((k.contype = 'f' and k.conparentid <> 0) or (k.contype = 'c' and not k.conislocal))`

/** The index of a key has its constraint's name; that of a foreign key is the one of what it refers to. */
export const constraints: Reader = {
  sql: ({
    version,
  }) => `select k.oid, rel.oid as relation_oid, rel.kind, rel.schema, rel.name as relation, k.conname, k.contype,
    pg_get_constraintdef(k.oid) as definition, k.convalidated, k.condeferrable, k.condeferred, k.conindid,
    ${version >= 180000 ? 'k.conenforced' : 'true as conenforced'}, k.conkey as columns,
    ref.kind as ref_kind, ref.schema as ref_schema, ref.name as ref_name,
    case when k.contype = 'f' then ic.relname end as ref_key,
    case when x.indexrelid is not null then ic.relkind end as index_relkind,
    case when x.indexrelid is not null then ic.reloptions end as reloptions,
    case when x.indexrelid is not null and ic.reltablespace <> 0 then
      (select ts.spcname from pg_tablespace ts where ts.oid = ic.reltablespace) end as tablespace,
    x.indisclustered, x.indisreplident, x.indisvalid,
    case when x.indexrelid is not null and ic.relispartition then (select p.relname from pg_inherits i
      join pg_class p on p.oid = i.inhparent where i.inhrelid = ic.oid) end as attached,
    case when x.indisexclusion and ic.relispartition then (select json_agg(a.attname order by a.attnum)
      from pg_attribute a where a.attrelid = ic.oid) end as index_columns
    from rel join pg_constraint k on k.conrelid = rel.oid and k.contype in ('p', 'u', 'x', 'c', 'f')
    left join rel ref on ref.oid = k.confrelid
    left join pg_class ic on ic.oid = k.conindid
    left join pg_index x on k.contype in ('p', 'u', 'x') and x.indexrelid = k.conindid
    where rel.relkind in ('r', 'p', 'f') and not ${INHERITED}`,
  read: (rows, { columnNames }) => ({ found: rows.map((row) => constraint(row, columnNames)) }),
}

function constraint(row: ReaderRow, columnNames: ReadonlyMap<string, string>): Found {
  const path = [said(row['schema']), said(row['relation'])]
  const ofIndex = typeof row['index_relkind'] === 'string'
  return {
    kind: 'constraint',
    name: [...path, said(row['conname'])],
    parent: objectId(said(row['kind']), ...path),
    properties: stated({
      type: TYPE[said(row['contype'])],
      definition: definition(row),
      deferrable: row['condeferrable'],
      deferred: row['condeferred'],
      notValid: row['convalidated'] === false && row['conenforced'] !== false,
      options: optionsOf(row['reloptions']),
      tablespace: row['tablespace'],
      clustered: row['indisclustered'],
      replicaIdentity: row['indisreplident'],
      attachedTo: row['attached'],
      incomplete: ofIndex && row['index_relkind'] === 'I' && row['indisvalid'] === false,
    }),
    facts: stated({
      columns: columnsOf(row, columnNames),
      indexColumns: row['index_columns'],
      references: reference(row),
      referencesKey: row['ref_key'],
      notEnforced: row['conenforced'] === false,
      selfReference: row['contype'] === 'f' && reference(row) === objectId(said(row['kind']), ...path),
    }),
    addresses: [
      address('pg_constraint', row['oid']),
      ...(ofIndex ? [address('pg_class', row['conindid'])] : []),
    ],
  }
}

/** Without what is told as a property of its own because it can be altered alone. */
function definition(row: ReaderRow): string {
  let text = said(row['definition'])
  text = withoutEnd(text, ' NOT VALID', row['convalidated'] === false)
  // NOT ENFORCED comes after what is cut off here.
  const end = row['conenforced'] === false && text.endsWith(' NOT ENFORCED') ? ' NOT ENFORCED' : ''
  text = withoutEnd(text, end, true)
  text = withoutEnd(text, ' INITIALLY DEFERRED', row['condeferred'] === true)
  text = withoutEnd(text, ' DEFERRABLE', row['condeferrable'] === true)
  return canonicalText(text) + end
}

function reference(row: ReaderRow): string | null {
  if (typeof row['ref_name'] !== 'string') return null
  return objectId(said(row['ref_kind']), said(row['ref_schema']), row['ref_name'])
}

/** By name, in the order of the constraint. A check can be on columns that every table has, or on a row as a whole (0). */
function columnsOf(row: ReaderRow, names: ReadonlyMap<string, string>): string[] {
  const numbers = Array.isArray(row['columns']) ? row['columns'] : []
  return numbers.flatMap((number) => {
    const name = names.get(address('pg_class', row['relation_oid'], number)) ?? SYSTEM_COLUMNS.get(number)
    return name === undefined ? [] : [name]
  })
}

const SYSTEM_COLUMNS = new Map<Json, string>([
  [-1, 'ctid'],
  [-2, 'xmin'],
  [-3, 'cmin'],
  [-4, 'xmax'],
  [-5, 'cmax'],
  [-6, 'tableoid'],
])

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

export const constraints: Reader = {
  name: 'constraints',
  sql: ({
    version,
  }) => `select k.oid, rel.kind, rel.schema, rel.name as relation, rel.relkind, k.conname, k.contype,
    pg_get_constraintdef(k.oid) as definition, k.convalidated, k.condeferrable, k.condeferred, k.conindid,
    ${version >= 180000 ? 'k.conenforced' : 'true as conenforced'},
    (select json_agg(a.attname order by o.at) from unnest(k.conkey) with ordinality o(key, at)
      join pg_attribute a on a.attrelid = k.conrelid and a.attnum = o.key) as columns,
    ref.kind as ref_kind, ref.schema as ref_schema, ref.name as ref_name, k.confrelid, rc.relkind as ref_relkind,
    refk.conname as ref_key, refi.relname as ref_index,
    ic.reloptions, ts.spcname as tablespace, x.indisclustered, x.indisreplident, x.indisvalid, ic.relkind as index_relkind,
    (select json_build_array(p.relname, pk.conname) from pg_inherits i join pg_class p on p.oid = i.inhparent
      left join pg_constraint pk on pk.conindid = p.oid and pk.contype in ('p', 'u', 'x')
      where i.inhrelid = ic.oid) as attached
    from rel join pg_constraint k on k.conrelid = rel.oid and k.contype in ('p', 'u', 'x', 'c', 'f')
    left join rel ref on ref.oid = k.confrelid left join pg_class rc on rc.oid = k.confrelid and k.confrelid <> 0
    left join pg_class refi on k.contype = 'f' and refi.oid = k.conindid
    left join pg_constraint refk on k.contype = 'f' and refk.conindid = k.conindid and refk.contype in ('p', 'u', 'x')
    left join pg_index x on k.contype in ('p', 'u', 'x') and x.indexrelid = k.conindid
    left join pg_class ic on ic.oid = x.indexrelid left join pg_tablespace ts on ts.oid = ic.reltablespace
    where rel.relkind in ('r', 'p', 'f') and not ${INHERITED}`,
  read: (rows) => ({ found: rows.map(constraint) }),
}

function constraint(row: ReaderRow): Found {
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
      attachedTo: attachedTo(row['attached']),
      incomplete: ofIndex && row['index_relkind'] === 'I' && row['indisvalid'] === false,
    }),
    facts: stated({
      columns: row['columns'],
      references: reference(row),
      referencesKey: row['ref_key'] ?? row['ref_index'],
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

/** The name of the parent's index, which is also that of its constraint. */
function attachedTo(value: Json | undefined): Json {
  return Array.isArray(value) ? (value[0] ?? null) : null
}

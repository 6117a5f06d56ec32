/** Tables, plain, partitioned, inheriting, typed, foreign; and their attachments as partitions. */
import { said } from '../said.ts'
import type { Json } from '../../../snapshot/canonical.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { canonicalText, optionsOf } from './text.ts'

/** Indexes whose build did not finish. */
const INVALID = `invalid as (select x.indrelid, array_agg(ic.relname order by ic.relname) as names from pg_index x
    join pg_class ic on ic.oid = x.indexrelid where not x.indisvalid and ic.relkind = 'i' group by x.indrelid)`

/**
 * Tables whose partition key is by an operator class that is short of operators: the server cannot say what their
 * partitions accept, and fails when it is asked.
 */
const UNSPOKEN = `unspoken as materialized (select p.partrelid from pg_partitioned_table p, unnest(p.partclass) key(oid)
    join pg_opclass o on o.oid = key.oid
    where p.partstrat in ('l', 'r') and not (select coalesce(array_agg(a.amopstrategy::integer), '{}') from pg_amop a
      where a.amopfamily = o.opcfamily and a.amoplefttype = o.opcintype and a.amoprighttype = o.opcintype and a.amoppurpose = 's')
      -- Of a list it says =, of a range <, =, >=, and of one by several columns > as well.
      @> case when p.partstrat = 'l' then '{3}'::integer[] when p.partnatts = 1 then '{1,3,4}' else '{1,3,4,5}' end)`

export const tables: Reader = {
  also: () => `${INVALID}, ${UNSPOKEN}`,
  sql: () => `select rel.oid, rel.kind, rel.schema, rel.name, c.relkind, c.relpersistence, t.oid as rowtype, t.typarray,
    case when c.relam not in (0, 2) then (select am.amname from pg_am am where am.oid = c.relam) end as method,
    case when c.reltablespace <> 0 then (select ts.spcname from pg_tablespace ts where ts.oid = c.reltablespace) end as tablespace,
    c.reloptions, toast.reloptions as toast,
    c.relreplident, c.relrowsecurity, c.relforcerowsecurity, pg_get_userbyid(c.relowner) as owner,
    case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end as partition_by,
    case when c.reloftype <> 0 then format_type(c.reloftype, null) end as of_type,
    case when c.relispartition then pg_get_expr(c.relpartbound, c.oid) end as bound, c.relispartition,
    case when c.relispartition and ((select count(*) from unspoken) = 0 or not exists (
        select from pg_partition_ancestors(c.oid) above join unspoken on unspoken.partrelid = above.relid::oid))
      then pg_get_partition_constraintdef(c.oid) end as accepts,
    (select json_agg(json_build_array(p.kind, p.schema, p.name) order by i.inhseqno) from pg_inherits i
      join rel p on p.oid = i.inhparent where i.inhrelid = c.oid) as parents,
    case when c.relispartition then (select bool_or(i.inhdetachpending) from pg_inherits i where i.inhrelid = c.oid) end as detaching,
    invalid.names as invalid,
    case when c.relpages > 0 then c.relpages::int8 * 8192 when c.reltuples = 0 then 0 end as bytes,
    case when c.reltuples >= 0 then c.reltuples::int8 end as tuples,
    c.relpages = 0 and c.reltuples = 0 and pg_stat_get_live_tuples(c.oid) = 0 as empty,
    fs.srvname as server, ft.ftoptions
    from rel join pg_class c on c.oid = rel.oid left join pg_type t on t.oid = c.reltype
    left join pg_class toast on toast.oid = c.reltoastrelid left join invalid on invalid.indrelid = c.oid
    left join pg_foreign_table ft on ft.ftrelid = c.oid left join pg_foreign_server fs on fs.oid = ft.ftserver
    where rel.relkind in ('r', 'p', 'f')`,
  read: (rows) => ({
    found: rows.flatMap((row) => [table(row), ...attachments(row)]),
    unmodelled: rows.flatMap((row) =>
      (Array.isArray(row['invalid']) ? row['invalid'] : []).map((name) => ({
        kind: 'index',
        name: `${said(row['schema'])}.${said(name)}`,
        detail: 'The index is invalid: its build did not finish. It is left out of the snapshot.',
      })),
    ),
  }),
}

const PERSISTENCE: Readonly<Record<string, string>> = { u: 'unlogged' }
const REPLICA_IDENTITY: Readonly<Record<string, string>> = { f: 'full', n: 'nothing' }

function table(row: ReaderRow): Found {
  const name = [said(row['schema']), said(row['name'])]
  return {
    kind: said(row['kind']),
    name,
    parent: null,
    properties: stated({
      persistence: PERSISTENCE[said(row['relpersistence'])],
      accessMethod: row['method'],
      tablespace: row['tablespace'],
      options: { ...optionsOf(row['reloptions']), ...toastOptions(row['toast']) },
      replicaIdentity: row['relkind'] === 'f' ? null : REPLICA_IDENTITY[said(row['relreplident'])],
      rowSecurity: row['relrowsecurity'],
      forceRowSecurity: row['relforcerowsecurity'],
      partitionBy: text(row['partition_by']),
      ofType: row['of_type'],
      server: row['server'],
      serverOptions: optionsOf(row['ftoptions']),
    }),
    facts: stated({
      owner: row['owner'],
      bytes: row['bytes'] === 0 ? undefined : row['bytes'],
      rows: row['tuples'] === 0 ? undefined : row['tuples'],
      empty: row['empty'],
      isPartition: row['relispartition'],
      invalidIndexes: row['invalid'],
    }),
    addresses: [
      address('pg_class', row['oid']),
      address('pg_type', row['rowtype']),
      address('pg_type', row['typarray']),
    ],
    needs: [objectId('schema', name[0] as string)],
  }
}

/** As a partition of one table, or as a child of several in their order. */
function attachments(row: ReaderRow): Found[] {
  const name = [said(row['schema']), said(row['name'])]
  const bound = row['relispartition'] === true ? canonicalText(said(row['bound'])) : undefined
  return parentsOf(row).map(([kind = 'table', ...path], at): Found => ({
    kind: 'attachment',
    name: bound === undefined ? [...name, path.join('.')] : name,
    parent: objectId(said(row['kind']), ...name),
    properties:
      bound !== undefined
        ? stated({ of: path, bound, detaching: row['detaching'] })
        : parentsOf(row).length > 1
          ? { of: path, at }
          : { of: path },
    facts: stated({ position: at, accepts: bound === undefined ? undefined : row['accepts'] }),
    addresses: [],
    needs: [objectId(kind, ...path)],
  }))
}

function parentsOf(row: ReaderRow): string[][] {
  return Array.isArray(row['parents']) ? (row['parents'] as string[][]) : []
}

function toastOptions(options: Json | undefined): Record<string, string> {
  const entries = Object.entries(optionsOf(options) ?? {})
  return Object.fromEntries(entries.map(([name, value]) => [`toast.${name}`, value]))
}

function text(value: Json | undefined): string | null {
  return typeof value === 'string' ? canonicalText(value) : null
}

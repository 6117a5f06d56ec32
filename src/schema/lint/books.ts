/**
 * The server's own books: what is there, in which file it is kept, which locks this session holds on it, how often the
 * transaction has gone through it as a whole. Read before and after a statement, they tell what it did.
 */
import type { Session } from '../../engine/session.ts'

export interface Relation {
  readonly oid: string
  /** As in pg_class: r table, p partitioned table, m materialized view, i index, S sequence. */
  readonly kind: string
  /** Qualified, quoted where that is needed. */
  readonly name: string
  /** What stands for its contents on disk; another one means that they were written anew, or removed. */
  readonly file: string
  /** Of an index: the table. */
  readonly table: string | null
  /** Of a partition: the table that it is a part of, at the top. */
  readonly root: string | null
  /** How often this transaction has read it from end to end. */
  readonly scans: number
  /** Locks of this session. */
  readonly locks: readonly string[]
  /** Whoever may do what with it: grants, row-level security. */
  readonly access: string
}

export interface Column {
  readonly table: string
  readonly number: number
  readonly name: string
  readonly type: string
  readonly notNull: boolean
  readonly hasDefault: boolean
}

export interface Constraint {
  readonly oid: string
  readonly table: string
  readonly name: string
  /** As in pg_constraint: c check, f foreign key, p primary key, u unique, x exclusion, n not null. */
  readonly type: string
  readonly validated: boolean
  /** Of the table that this one is a part of. */
  readonly inherited: boolean
}

export interface Books {
  readonly relations: ReadonlyMap<string, Relation>
  /** By table and number. */
  readonly columns: ReadonlyMap<string, Column>
  readonly constraints: ReadonlyMap<string, Constraint>
}

const OURS = `n.nspname <> 'information_schema' and n.nspname !~ '^pg_' and n.nspname <> 'tenantry'`

const QUERY = `select json_build_object(
  'relations', (select json_agg(json_build_object(
      'oid', c.oid::text, 'kind', c.relkind, 'name', format('%I.%I', n.nspname, c.relname),
      'file', c.relfilenode::text, 'table', i.indrelid::text,
      'root', case when c.relispartition then pg_partition_root(c.oid)::oid::text end,
      'scans', pg_stat_get_xact_numscans(c.oid), 'locks', coalesce(l.modes, '[]'),
      'access', concat_ws(' ', c.relacl::text, c.relrowsecurity, c.relforcerowsecurity,
        (select string_agg(md5(p::text), ' ' order by p.oid) from pg_policy p where p.polrelid = c.oid))))
    from pg_class c join pg_namespace n on n.oid = c.relnamespace left join pg_index i on i.indexrelid = c.oid
      left join (select relation, json_agg(distinct mode) as modes from pg_locks
        where pid = pg_backend_pid() and locktype = 'relation' and granted group by 1) l on l.relation = c.oid
    where ${OURS} and c.relpersistence <> 't'),
  'columns', (select json_agg(json_build_object(
      'table', a.attrelid::text, 'number', a.attnum, 'name', a.attname,
      'type', format_type(a.atttypid, a.atttypmod), 'notNull', a.attnotnull, 'hasDefault', a.atthasdef or a.attidentity <> ''))
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    where ${OURS} and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped),
  'constraints', (select json_agg(json_build_object(
      'oid', o.oid::text, 'table', o.conrelid::text, 'name', o.conname, 'type', o.contype, 'validated', o.convalidated,
      'inherited', o.coninhcount > 0 or o.conparentid <> 0))
    from pg_constraint o join pg_namespace n on n.oid = o.connamespace where ${OURS} and o.conrelid <> 0))`

export async function readBooks(session: Session): Promise<Books> {
  const [answer] = await session.query(QUERY, { keepRows: true })
  const read = JSON.parse(answer?.rows[0]?.[0] ?? '{}') as {
    relations: Relation[] | null
    columns: Column[] | null
    constraints: Constraint[] | null
  }
  return {
    relations: new Map(read.relations?.map((one) => [one.oid, one])),
    columns: new Map(read.columns?.map((one) => [`${one.table} ${one.number}`, one])),
    constraints: new Map(read.constraints?.map((one) => [one.oid, one])),
  }
}

/** From the weakest to the strongest that stops writers. PostgreSQL manual, table 13.2. */
export const STOPS_WRITERS: readonly string[] = [
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
]

/** The strongest lock held that lets nobody write, undefined without one. */
export function stoppingLock(relation: Relation | undefined): string | undefined {
  return STOPS_WRITERS.findLast((mode) => relation?.locks.includes(mode))
}

/** `ACCESS EXCLUSIVE` */
export function lockWords(mode: string): string {
  return mode
    .replace(/Lock$/, '')
    .replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase()
}

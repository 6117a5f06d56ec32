/** What is looked at: which schemas, which relations, and what is left to the extensions that brought it. */
import { literal } from '../../../../engine/sql.ts'
import { MASKED_SCHEMA } from '../../../snapshot/snapshot.ts'
import type { InspectOptions } from '../../dialect.ts'

/** The schema of Tenantry's ledger, see src/rollout/ledger.ts. */
const LEDGER_SCHEMA = 'tenantry'

/** The kinds of relations, by relkind. A composite type is a relation as well, and a kind of its own. */
const KIND_OF_RELKIND = `case c.relkind when 'r' then 'table' when 'p' then 'table' when 'f' then 'foreign_table'
  when 'v' then 'view' when 'm' then 'materialized_view' when 'S' then 'sequence' when 'c' then 'composite_type'
  when 'i' then 'index' when 'I' then 'index' end`

/** The common table expressions that every reader may use; see `reader.ts`. */
export function scopeSql(options: InspectOptions): string {
  const { maskSchema, excludeSchemas = [] } = options
  const name = maskSchema === undefined ? 'nspname' : literal(MASKED_SCHEMA)
  const left = [LEDGER_SCHEMA, 'information_schema', ...excludeSchemas].map(literal).join(', ')
  const which =
    maskSchema === undefined
      ? `nspname !~ '^pg_' and nspname not in (${left})`
      : `nspname = ${literal(maskSchema)}`
  return `member as materialized (select classid, objid from pg_depend where deptype = 'e'),
  ours as materialized (select oid, ${name}::text as name from pg_namespace n where ${which}
    ${maskSchema === undefined ? `and not exists (select from member m where m.classid = 2615::oid and m.objid = n.oid and n.nspname <> 'public')` : ''}),
  rel as materialized (select c.oid, ${KIND_OF_RELKIND} as kind, ours.name as schema, c.relname::text as name, c.relkind,
    c.relnamespace from pg_class c join ours on ours.oid = c.relnamespace
    where c.relpersistence <> 't' and c.relkind in ('r', 'p', 'f', 'v', 'm', 'S', 'c', 'i', 'I')
    and not exists (select from member m where m.classid = 1259::oid and m.objid = c.oid)
    and not (c.relkind = 'S' and exists (select from pg_depend d where d.classid = 1259::oid and d.objid = c.oid
      and d.objsubid = 0 and d.refclassid = 1259::oid and d.deptype = 'i'))
    and not (c.relkind in ('i', 'I') and exists (select from pg_index x join member m on m.classid = 1259::oid
      and m.objid = x.indrelid where x.indexrelid = c.oid)))`
}

/** The search path that makes definitions come out without the masked schema's name. */
export function searchPath({ maskSchema }: InspectOptions): string {
  const path = maskSchema === undefined ? 'pg_catalog' : `pg_catalog, "${maskSchema.replaceAll('"', '""')}"`
  return `select pg_catalog.set_config('search_path', ${literal(path)}, true)`
}

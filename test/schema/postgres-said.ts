/** What PostgreSQL itself says of a database's objects: judges plans without our inspection. */
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'

/** What the server writes of everything in our schemas, in no order of columns. */
const SAID = `
  select 'column', a.attrelid::regclass::text, a.attname::text, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,
    a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid), a.attstorage, a.attstattarget, a.attcompression, a.attoptions, a.attislocal,
    (select collname from pg_collation k where k.oid = a.attcollation),
    (select string_agg(x.grantee::regrole || ' ' || x.privilege_type || x.is_grantable, ', ' order by x.grantee, x.privilege_type) from aclexplode(a.attacl) x))
  from pg_attribute a join pg_class c on c.oid = a.attrelid left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
  where c.relnamespace in (select oid from ours) and c.relkind in ('r', 'p', 'v', 'm') and a.attnum > 0 and not a.attisdropped
  union all select 'relation', c.oid::regclass::text, c.relkind::text, concat_ws(' ', c.relpersistence, c.relreplident, c.relrowsecurity,
    c.relforcerowsecurity, c.relispopulated, nullif(c.reloftype, 0)::regtype,
    c.reloptions, pg_get_expr(c.relpartbound, c.oid), case when c.relkind = 'p' then pg_get_partkeydef(c.oid) end,
    case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
    (select string_agg(x.grantee::regrole || ' ' || x.privilege_type || x.is_grantable, ', ' order by x.grantee, x.privilege_type)
      from aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) x where c.relkind <> 'S'))
  from pg_class c where c.relnamespace in (select oid from ours) and c.relkind <> 'c'
  union all select 'constraint', k.conrelid::regclass::text, k.conname::text, concat_ws(' ', case when k.conislocal then pg_get_constraintdef(k.oid)
    -- A new partition has proved what its parent has not.
    else replace(pg_get_constraintdef(k.oid), ' NOT VALID', '') end, k.contypid::regtype)
  from pg_constraint k where k.connamespace in (select oid from ours) and k.contype <> 'n'
    -- To the partitions of what is referred to: of the server's own making, numbered as they came.
    and not (k.contype = 'f' and k.conparentid <> 0)
  union all select 'index', i.indexrelid::regclass::text, (select inhparent::regclass::text from pg_inherits where inhrelid = i.indexrelid),
    concat_ws(' ', pg_get_indexdef(i.indexrelid), i.indisvalid,
    i.indisclustered, i.indisreplident, (select string_agg(concat_ws(' ', a.attnum, a.attstattarget), ',' order by a.attnum) from pg_attribute a
      where a.attrelid = i.indexrelid and a.attstattarget >= 0)) from pg_index i join pg_class c on c.oid = i.indexrelid
  where c.relnamespace in (select oid from ours)
  union all select 'trigger', t.tgrelid::regclass::text, t.tgname::text, concat_ws(' ', t.tgenabled, pg_get_triggerdef(t.oid))
  from pg_trigger t where not t.tgisinternal
  union all select 'rule', r.ev_class::regclass::text, r.rulename::text, pg_get_ruledef(r.oid) from pg_rewrite r join pg_class c
  on c.oid = r.ev_class where c.relnamespace in (select oid from ours) and r.rulename <> '_RETURN'
  union all select 'policy', p.polrelid::regclass::text, p.polname::text, concat_ws(' ', p.polcmd, p.polpermissive, p.polroles::regrole[],
    pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
  from pg_policy p
  union all select 'function', p.oid::regprocedure::text, null, pg_get_functiondef(p.oid) from pg_proc p
  where p.pronamespace in (select oid from ours) and p.prokind = 'f'
  union all select 'type', t.oid::regtype::text, t.typtype::text, concat_ws(' ', format_type(t.typbasetype, t.typtypmod), pg_get_expr(t.typdefaultbin, 0),
    (select string_agg(e.enumlabel, ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid))
  from pg_type t where t.typnamespace in (select oid from ours) and t.typtype in ('e', 'd')
  union all select 'sequence', s.seqrelid::regclass::text, null,
    concat_ws(' ', s.seqtypid::regtype, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle) from pg_sequence s
  union all select 'attribute', a.attrelid::regclass::text, a.attname::text, format_type(a.atttypid, a.atttypmod)
  from pg_attribute a join pg_class c on c.oid = a.attrelid where c.relkind = 'c' and a.attnum > 0 and not a.attisdropped
  union all select 'publication', p.pubname::text, t.tablename::text, concat_ws(' ',
    (select array_agg(x order by x) from unnest(t.attnames) x), t.rowfilter, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot)
  from pg_publication p left join pg_publication_tables t on t.pubname = p.pubname
  union all select 'statistics', s.stxname::text, null, concat_ws(' ', pg_get_statisticsobjdef(s.oid), s.stxstattarget) from pg_statistic_ext s
  union all select 'inheritance', h.inhrelid::regclass::text, h.inhparent::regclass::text, h.inhseqno::text from pg_inherits h
  join pg_class c on c.oid = h.inhrelid where c.relnamespace in (select oid from ours) and c.relkind in ('r', 'p', 'f')
  union all select 'range', r.rngtypid::regtype::text, r.rngmultitypid::regtype::text, r.rngsubtype::regtype::text from pg_range r
  where r.rngtypid >= 16384
  union all select 'collation', c.oid::regcollation::text, c.collprovider::text, concat_ws(' ', c.collcollate, c.collctype)
  from pg_collation c where c.collnamespace in (select oid from ours)
  union all select 'aggregate', a.aggfnoid::regprocedure::text, a.aggtransfn::regprocedure::text,
    concat_ws(' ', a.aggtranstype::regtype, a.agginitval) from pg_aggregate a where a.aggfnoid >= 16384
  union all select 'operator', o.oid::regoperator::text, o.oprcode::text, null from pg_operator o where o.oid >= 16384
  union all select 'default acl', d.defaclnamespace::regnamespace::text, d.defaclobjtype::text,
    (select string_agg(x.grantee::regrole || ' ' || x.privilege_type || x.is_grantable, ', ' order by x.grantee, x.privilege_type) from aclexplode(d.defaclacl) x)
  from pg_default_acl d
  union all select 'grant', g.name, null,
    (select string_agg(x.grantee::regrole || ' ' || x.privilege_type || x.is_grantable, ', ' order by x.grantee, x.privilege_type) from aclexplode(g.acl) x)
  from (select n.oid::regnamespace::text, coalesce(n.nspacl, acldefault('n', n.nspowner)) from ours o join pg_namespace n using (oid)
    union all select p.oid::regprocedure::text, coalesce(p.proacl, acldefault('f', p.proowner)) from pg_proc p where p.pronamespace in (select oid from ours)
    union all select t.oid::regtype::text, coalesce(t.typacl, acldefault('T', t.typowner)) from pg_type t
      where t.typnamespace in (select oid from ours) and t.typtype in ('e', 'd', 'r', 'c')
    union all select c.oid::regclass::text, coalesce(c.relacl, acldefault('s', c.relowner)) from pg_class c
      where c.relnamespace in (select oid from ours) and c.relkind = 'S') g (name, acl)
  union all select 'comment', pg_describe_object(d.classoid, d.objoid, d.objsubid), null, d.description from pg_description d
  where d.objoid >= 16384 or d.classoid = 'pg_namespace'::regclass`

/** One line for each, sorted. */
export async function said(session: SchemaSession): Promise<string[]> {
  const rows = await session.query(
    `with ours as (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
     select concat_ws(' | ', kind, one, two, text) as line from (${SAID}) s (kind, one, two, text)`,
  )
  return rows.map((row) => String(row['line'])).toSorted()
}

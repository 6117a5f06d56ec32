/**
 * One text for a whole schema, made by the server in one query: MD5 over every fact of the catalogue that a change of
 * the schema can touch, with names in the place of oids. It sees at least what `inspect` sees: two databases with one
 * text have one schema, while one schema can have several texts (a constraint's `varchar IN (…)` in two forms, say).
 */
import { literal } from '../../../engine/sql.ts'
import type { InspectOptions, SchemaSession } from '../dialect.ts'
import { EXTENSION_GRANTS } from './inspect/extension-grants.ts'
import { CLASS } from './inspect/reader.ts'
import {
  BEGIN_READING,
  readingFailure,
  readingSql,
  SAFE_PATH,
  scopeOf,
  scopeQuery,
  scopeSql,
  writingPath,
} from './inspect/scope.ts'
import { postgresSession } from './session.ts'

/** Grants without the name of the owner, who is another in every tenant; those that others have passed on with theirs. */
function grants(list: string, owner: string): string {
  return `(select string_agg(concat(case when a.grantee = ${owner} then '@' else a.grantee::regrole::text end, ' ',
    a.privilege_type, a.is_grantable, case when a.grantor <> ${owner} then concat(' ', a.grantor::regrole) end),
    ',' order by 1) from aclexplode(${list}) a)`
}

const OF_EXTENSION = (catalogue: string, oid: string): string =>
  `exists (select from member m where m.classid = '${catalogue}'::regclass and m.objid = ${oid})`

/** Lines of text; first the catalogue without whose objects, in the schemas looked at, there are none. */
type Fact = string | readonly [catalogue: keyof typeof CLASS, sql: string]

/** One SELECT each: lines of text. `rel` and `ours` are those of `inspect`. */
const FACTS: readonly Fact[] = [
  `select concat_ws(' ', 'schema', ours.name, ${grants('n.nspacl', 'n.nspowner')})
   from ours join pg_namespace n on n.oid = ours.oid`,
  `select concat_ws(' ', 'relation', c.oid::regclass, c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity,
     c.relforcerowsecurity, c.relispartition, c.reloptions,
     (select concat('toast ', t.reloptions) from pg_class t where t.oid = c.reltoastrelid and t.reloptions is not null), am.amname, ts.spcname, nullif(c.reloftype, 0)::regtype,
     pg_get_expr(c.relpartbound, c.oid), case c.relkind when 'p' then pg_get_partkeydef(c.oid) when 'v' then pg_get_viewdef(c.oid)
       when 'm' then concat(c.relispopulated, pg_get_viewdef(c.oid)) end,
     (select string_agg(concat(i.inhparent::regclass, i.inhseqno, case when i.inhdetachpending then ' detaching' end), ','
       order by i.inhseqno) from pg_inherits i
       where i.inhrelid = c.oid), (select concat(s.srvname, f.ftoptions)
       from pg_foreign_table f join pg_foreign_server s on s.oid = f.ftserver where f.ftrelid = c.oid),
     ${grants('c.relacl', 'c.relowner')})
   from rel join pg_class c on c.oid = rel.oid left join pg_am am on am.oid = c.relam
   left join pg_tablespace ts on ts.oid = c.reltablespace where c.relkind <> 'i' and c.relkind <> 'I'`,
  `select concat_ws(' ', 'column', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
     a.attidentity, a.attgenerated, a.attislocal, a.attinhcount, a.attstorage, a.attcompression, a.attstattarget,
     nullif(a.attcollation, 0)::regcollation, a.attoptions, a.attfdwoptions, pg_get_expr(d.adbin, d.adrelid),
     ${grants('a.attacl', 'c.relowner')})
   from rel join pg_class c on c.oid = rel.oid join pg_attribute a on a.attrelid = rel.oid and a.attnum > 0 and not a.attisdropped
   left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where c.relkind <> 'i' and c.relkind <> 'I'`,
  `select concat_ws(' ', 'constraint', nullif(k.conrelid, 0)::regclass, nullif(k.contypid, 0)::regtype, k.conname,
     pg_get_constraintdef(k.oid), k.convalidated, k.conislocal, k.coninhcount, k.conparentid <> 0)
   from pg_constraint k join ours on ours.oid = k.connamespace where k.contype <> 't'`,
  `select concat_ws(' ', 'index', pg_get_indexdef(x.indexrelid), x.indisvalid, x.indisclustered, x.indisreplident,
     x.indimmediate, c.reloptions, ts.spcname, (select i.inhparent::regclass from pg_inherits i where i.inhrelid = x.indexrelid),
     (select string_agg(concat(a.attnum, a.attstattarget), ',' order by a.attnum) from pg_attribute a
       where a.attrelid = x.indexrelid and a.attnum > 0))
   from rel join pg_index x on x.indexrelid = rel.oid join pg_class c on c.oid = rel.oid
   left join pg_tablespace ts on ts.oid = c.reltablespace`,
  `select concat_ws(' ', 'sequence', s.seqrelid::regclass, format_type(s.seqtypid, null), s.seqstart, s.seqincrement,
     s.seqmax, s.seqmin, s.seqcache, s.seqcycle, c.relpersistence, d.deptype, d.refobjid::regclass,
     (select a.attname from pg_attribute a where a.attrelid = d.refobjid and a.attnum = d.refobjsubid), ${grants('c.relacl', 'c.relowner')})
   from pg_sequence s join pg_class c on c.oid = s.seqrelid join ours on ours.oid = c.relnamespace
   left join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.seqrelid and d.deptype in ('a', 'i')`,
  [
    'pg_rewrite',
    `select concat_ws(' ', 'rule', pg_get_ruledef(r.oid), r.ev_enabled)
   from pg_rewrite r join rel on rel.oid = r.ev_class where r.rulename <> '_RETURN'`,
  ],
  [
    'pg_trigger',
    `select concat_ws(' ', 'trigger', pg_get_triggerdef(t.oid), t.tgenabled, t.tgparentid <> 0)
   from pg_trigger t join rel on rel.oid = t.tgrelid where not t.tgisinternal`,
  ],
  [
    'pg_policy',
    `select concat_ws(' ', 'policy', p.polrelid::regclass, p.polname, p.polcmd, p.polpermissive,
     (select string_agg(case when role = 0 then 'public' else role::regrole::text end, ',' order by 1) from unnest(p.polroles) role),
     pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
   from pg_policy p join rel on rel.oid = p.polrelid`,
  ],
  [
    'pg_proc',
    `select concat_ws(' ', 'routine', p.oid::regprocedure, p.prokind, case when p.prokind <> 'a' then pg_get_functiondef(p.oid)
     else (select concat_ws(' ', pg_get_function_arguments(p.oid), g.aggtransfn::regprocedure, g.aggfinalfn, g.aggcombinefn, g.aggserialfn,
       g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn, g.aggfinalextra, g.aggmfinalextra, g.aggfinalmodify,
       g.aggmfinalmodify, nullif(g.aggsortop, 0)::regoper, format_type(g.aggtranstype, null), g.aggtransspace, g.aggkind,
       format_type(nullif(g.aggmtranstype, 0), null), g.aggmtransspace, g.agginitval, g.aggminitval, p.proparallel)
       from pg_aggregate g where g.aggfnoid = p.oid) end, ${grants('p.proacl', 'p.proowner')})
   from pg_proc p join ours on ours.oid = p.pronamespace where not ${OF_EXTENSION('pg_proc', 'p.oid')}`,
  ],
  `select concat_ws(' ', 'type', t.oid::regtype, t.typtype, t.typnotnull, t.typdefault, pg_get_expr(t.typdefaultbin, 0), nullif(t.typcollation, 0)::regcollation,
     format_type(nullif(t.typbasetype, 0), t.typtypmod),
     (select string_agg(quote_literal(e.enumlabel), ',' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
     (select concat_ws(' ', r.rngsubtype::regtype, nullif(r.rngcollation, 0)::regcollation, r.rngcanonical, r.rngsubdiff,
       r.rngmultitypid::regtype, o.opcname) from pg_range r join pg_opclass o on o.oid = r.rngsubopc where r.rngtypid = t.oid),
     ${grants('t.typacl', 't.typowner')})
   from pg_type t join ours on ours.oid = t.typnamespace where t.typtype in ('e', 'd', 'r', 'c', 'b', 'p')
     and t.typelem = 0 and not ${OF_EXTENSION('pg_type', 't.oid')}`,
  [
    'pg_collation',
    `select concat_ws(' ', 'collation', o.oid::regcollation, to_jsonb(o) - '{oid,collnamespace,collowner,collversion}'::text[])
   from pg_collation o join ours on ours.oid = o.collnamespace where not ${OF_EXTENSION('pg_collation', 'o.oid')}`,
  ],
  [
    'pg_statistic_ext',
    `select concat_ws(' ', 'statistics', pg_get_statisticsobjdef(s.oid), to_jsonb(s) -> 'stxstattarget')
   from pg_statistic_ext s join ours on ours.oid = s.stxnamespace`,
  ],
  `select concat_ws(' ', 'dependent object', o.type, o.identity) from pg_depend d, pg_identify_object(d.classid, d.objid, 0) o
   where d.refclassid = 'pg_namespace'::regclass and d.refobjid in (select oid from ours)
     and d.classid not in ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)`,
]

/** 2200 is the schema public. */
const DESCRIPTIONS = `select concat_ws(' ', 'description', o.type, o.identity, d.description)
   from pg_description d, pg_identify_object(d.classoid, d.objoid, d.objsubid) o
   where (d.objoid >= 16384 or d.objoid = 2200)`

/** SQL: the schema's name with its dot, as the server writes it before a name. */
function before(schema: string): string {
  return `quote_ident(${literal(schema)}) || '.'`
}

/** Comments on what belongs to the schema: its name is in their identity. */
function describedIn(schema: string): string {
  return `${DESCRIPTIONS} and position(${before(schema)} in o.identity) > 0`
}

/** Some definitions are written with the schema's name whatever the search path says. */
function masked(schema: string): string {
  const name = `regexp_replace(${before(schema)}, '([.$*+?(){}|^\\[\\]\\\\])', '\\\\\\1', 'g')`
  return `regexp_replace(line, '(?<![a-z0-9_$".])' || ${name}, '', 'g')`
}

/**
 * Rows as they are, of catalogues whose objects are rare: oids among them, so that each database has a text of its
 * own. Catalogue, the catalogue and column by which an extension's are known, and the column of its schema, or of that
 * one's.
 */
const RARE: readonly (readonly [
  catalogue: string,
  owner: keyof typeof CLASS,
  oid: string,
  namespace: string | null,
  ownerNamespace?: string,
])[] = [
  ['pg_operator', 'pg_operator', 'oid', 'oprnamespace'],
  ['pg_opclass', 'pg_opclass', 'oid', 'opcnamespace'],
  ['pg_opfamily', 'pg_opfamily', 'oid', 'opfnamespace'],
  ['pg_amop', 'pg_opfamily', 'amopfamily', null, 'opfnamespace'],
  ['pg_amproc', 'pg_opfamily', 'amprocfamily', null, 'opfnamespace'],
  ['pg_conversion', 'pg_conversion', 'oid', 'connamespace'],
  ['pg_ts_config', 'pg_ts_config', 'oid', 'cfgnamespace'],
  ['pg_ts_config_map', 'pg_ts_config', 'mapcfg', null, 'cfgnamespace'],
  ['pg_ts_dict', 'pg_ts_dict', 'oid', 'dictnamespace'],
  ['pg_ts_parser', 'pg_ts_parser', 'oid', 'prsnamespace'],
  ['pg_ts_template', 'pg_ts_template', 'oid', 'tmplnamespace'],
  ['pg_language', 'pg_language', 'oid', null],
  ['pg_transform', 'pg_transform', 'oid', null],
  ['pg_am', 'pg_am', 'oid', null],
]

const RARE_FACTS = RARE.map(([catalogue, owner, oid, namespace, ownerNamespace]): Fact => {
  const ours =
    namespace !== null
      ? ` and x.${namespace} in (select ours.oid from ours)`
      : ownerNamespace !== undefined
        ? ` and x.${oid} in (select w.oid from ${owner} w where w.${ownerNamespace} in (select ours.oid from ours))`
        : ''
  const sql = `select concat_ws(' ', '${catalogue}', to_jsonb(x)) from ${catalogue} x
   where x.${oid} >= 16384${ours} and not ${OF_EXTENSION(owner, `x.${oid}`)}`
  return ours === '' ? sql : [owner, sql]
})

/** Not part of any schema: told only when no single schema is looked at. */
const WHOLE_DATABASE: readonly Fact[] = [
  `select concat_ws(' ', 'extension', e.extname, e.extversion, n.nspname) from pg_extension e join pg_namespace n on n.oid = e.extnamespace`,
  ['pg_extension', EXTENSION_GRANTS(grants)],
  [
    'pg_publication',
    `select concat_ws(' ', 'publication', p.pubname, to_jsonb(p) - '{oid,pubowner}'::text[]) from pg_publication p`,
  ],
  [
    'pg_publication',
    `select concat_ws(' ', 'published', p.pubname, r.prrelid::regclass, (select string_agg(a.attname, ',' order by a.attname) from pg_attribute a
       where a.attrelid = r.prrelid and to_jsonb(r) -> 'prattrs' @> to_jsonb(a.attnum)),
     pg_get_expr((to_jsonb(r) ->> 'prqual')::pg_node_tree, r.prrelid))
   from pg_publication_rel r join pg_publication p on p.oid = r.prpubid`,
  ],
  [
    'pg_event_trigger',
    `select concat_ws(' ', 'event trigger', e.evtname, e.evtevent, e.evtfoid::regproc, e.evtenabled, e.evttags) from pg_event_trigger e
   where not ${OF_EXTENSION('pg_event_trigger', 'e.oid')}`,
  ],
  [
    'pg_default_acl',
    `select concat_ws(' ', 'default privileges', nullif(d.defaclnamespace, 0)::regnamespace, d.defaclobjtype,
     d.defaclrole::regrole, ${grants('d.defaclacl', 'd.defaclrole')}) from pg_default_acl d`,
  ],
  [
    'pg_foreign_data_wrapper',
    `select concat_ws(' ', 'foreign data wrapper', w.fdwname, w.fdwhandler::regproc, w.fdwvalidator::regproc, w.fdwoptions,
     ${grants('w.fdwacl', 'w.fdwowner')}) from pg_foreign_data_wrapper w where not ${OF_EXTENSION('pg_foreign_data_wrapper', 'w.oid')}`,
  ],
  [
    'pg_foreign_server',
    `select concat_ws(' ', 'foreign server', s.srvname, s.srvtype, s.srvversion, s.srvoptions, ${grants('s.srvacl', 's.srvowner')})
   from pg_foreign_server s`,
  ],
  [
    'pg_foreign_server',
    `select concat_ws(' ', 'user mapping', u.srvname, u.usename, u.umoptions) from pg_user_mappings u`,
  ],
  `select concat_ws(' ', o.type, o.identity, d.deptype, r.identity) from pg_depend d, pg_identify_object(d.classid, d.objid, d.objsubid) o,
     pg_identify_object(d.refclassid, d.refobjid, 0) r where d.deptype = 'x' or d.classid = 6237`,
  `select concat_ws(' ', 'cast', c.castsource::regtype, c.casttarget::regtype, c.castcontext, c.castmethod,
     nullif(c.castfunc, 0)::regprocedure) from pg_cast c
   where c.oid >= 16384 and not ${OF_EXTENSION('pg_cast', 'c.oid')}`,
]

/** What is known of a database whose facts are asked for. */
interface Known {
  /** Common table expressions. */
  readonly sql: string
  readonly holds: (catalogue: keyof typeof CLASS) => boolean
}

/** The query, with the search path that it needs; one column `fingerprint`, one row. */
function fingerprintQuery(options: InspectOptions, known: Known): string {
  const { maskSchema } = options
  const all: readonly Fact[] =
    maskSchema === undefined
      ? [...FACTS, ...RARE_FACTS, DESCRIPTIONS, ...WHOLE_DATABASE]
      : [...FACTS, ...RARE_FACTS, describedIn(maskSchema)]
  const parts = all.flatMap((fact) => {
    if (typeof fact === 'string') return [fact]
    return known.holds(fact[0]) ? [fact[1]] : []
  })
  const lines = `(${parts.join('\n union all ')})`
  const facts = maskSchema === undefined ? lines : `(select ${masked(maskSchema)} from ${lines} seen (line))`
  return `with ${known.sql}, facts (line) as ${facts}
  select md5(string_agg(line, E'\\n' order by line collate "C")) as fingerprint from facts`
}

/**
 * Two messages, read-only, with no lock but those of reading a catalogue. To plan the query costs the server more
 * than to run it: what the database does not have is not asked for, and joins are made as they are written.
 */
export async function catalogueFingerprint(
  given: SchemaSession,
  options: InspectOptions = {},
): Promise<string> {
  const session = postgresSession(given)
  const begin = `${BEGIN_READING}; set local join_collapse_limit = 1`
  try {
    const [row = {}] = await session.rows(`${begin}; ${scopeQuery(options)}`)
    const { catalogues, materialized } = scopeOf(row, session.label, options)
    const known = { sql: materialized, holds: (name: keyof typeof CLASS) => catalogues.has(CLASS[name]) }
    const [found] = await session.query(`${readingSql(fingerprintQuery(options, known), options)}; commit`)
    return String(found?.['fingerprint'])
  } catch (thrown) {
    await session.query('rollback')
    throw readingFailure(thrown)
  }
}

/** See `Dialect.guard`. SQLSTATE TN010. As in `readingSql`, the query is understood before the tenant's names count. */
export function guard(accepted: readonly string[], options: InspectOptions = {}): string {
  const { maskSchema } = options
  const write = maskSchema === undefined ? '' : `perform ${writingPath(maskSchema).replace(/^select /u, '')};`
  const body = `declare fingerprint text; reading refcursor; path text := pg_catalog.current_setting('search_path');
begin
  perform ${SAFE_PATH.replace(/^select /u, '')};
  open reading no scroll for ${fingerprintQuery(options, { sql: scopeSql(options), holds: () => true })};
  ${write}
  fetch reading into fingerprint;
  close reading;
  perform pg_catalog.set_config('search_path', path, true);
  if fingerprint <> all (${literal(`{${accepted.join(',')}}`)}::text[]) then
    raise exception 'the schema has changed since this change was planned' using errcode = 'TN010',
      hint = 'Scan for drift again; the new difference gets a plan of its own.';
  end if;
end`
  return `do ${literal(body)}`
}

/** Grants on what an extension brought: only where they are no longer those that its script gave. */
import { objectId } from '../../../snapshot/snapshot.ts'
import { ALL_OF_OWNER, explodedSql, relativeTo } from './access.ts'
import type { Reader } from './reader.ts'
import { said } from '../said.ts'

/**
 * SQL: rows `extname, classid, objid, acl, owner, letter, given` of the members of extensions; `given` is what the
 * script left behind, or the server's own.
 */
const MEMBERS = `select e.extname, k.classid, k.objid, coalesce(k.acl, acldefault(k.letter::"char", k.owner)) as acl, k.owner,
    k.letter, coalesce(i.initprivs, acldefault(k.letter::"char", k.owner)) as given
  from (select 1259::oid as classid, oid as objid, relacl as acl, relowner as owner, case relkind when 'S' then 's' else 'r' end as letter
      from pg_class where relkind in ('r', 'p', 'f', 'v', 'm', 'S')
    union all select 1255, oid, proacl, proowner, 'f' from pg_proc
    union all select 1247, oid, typacl, typowner, 'T' from pg_type where typtype in ('b', 'e', 'd', 'c', 'r')
    union all select 2615, oid, nspacl, nspowner, 'n' from pg_namespace
    union all select 2612, oid, lanacl, lanowner, 'l' from pg_language
    union all select 2328, oid, fdwacl, fdwowner, 'F' from pg_foreign_data_wrapper
    union all select 1417, oid, srvacl, srvowner, 'S' from pg_foreign_server) k
  join pg_depend d on d.classid = k.classid and d.objid = k.objid and d.objsubid = 0 and d.refclassid = 3079::oid and d.deptype = 'e'
  join pg_extension e on e.oid = d.refobjid and e.oid >= 16384
  left join pg_init_privs i on i.classoid = k.classid and i.objoid = k.objid and i.objsubid = 0
  where k.acl is not null or i.initprivs is not null`

/** SQL: in whatever order the grants stand, which tells how they came about. */
const OTHERWISE = (of: string): string => `not (${of}.acl @> ${of}.given and ${of}.given @> ${of}.acl)`

/** SQL: a line for each, for the fingerprint of a database. */
export const EXTENSION_GRANTS = (grants: (list: string, owner: string) => string): string =>
  `select concat_ws(' ', 'granted on', o.type, o.identity, ${grants('m.acl', 'm.owner')})
   from (${MEMBERS}) m, pg_identify_object(m.classid, m.objid, 0) o where ${OTHERWISE('m')}`

const ON: Readonly<Record<string, string>> = {
  view: 'TABLE',
  'materialized view': 'TABLE',
  'foreign table': 'TABLE',
  'composite type': 'TYPE',
  aggregate: 'FUNCTION',
  'foreign-data wrapper': 'FOREIGN DATA WRAPPER',
  server: 'FOREIGN SERVER',
}

export const extensionGrants: Reader = {
  catalogue: 'pg_extension',
  sql: ({ masked }) => `select s.extname, o.type, o.identity, ${explodedSql('s.acl')} as grants,
    ${explodedSql('s.given')} as given, ${ALL_OF_OWNER} as all,
    exists (select from aclexplode(s.acl) x where x.grantor <> s.owner) as passed
    from (${MEMBERS}) s, pg_identify_object(s.classid, s.objid, 0) o where ${!masked} and ${OTHERWISE('s')}`,
  read: (rows) => ({
    found: rows.map((row) => {
      const type = said(row['type'])
      return {
        kind: 'extension_grant',
        name: [said(row['extname']), `${type} ${said(row['identity'])}`],
        parent: objectId('extension', said(row['extname'])),
        properties: { grants: relativeTo(row['grants'], Number(row['all'])) },
        facts: {
          on: `${ON[type] ?? type.toUpperCase()} ${said(row['identity'])}`,
          given: relativeTo(row['given'], Number(row['all'])),
        },
        addresses: [],
      }
    }),
    unmodelled: rows
      .filter((row) => row['passed'] === true)
      .map((row) => ({
        kind: 'extension_grant',
        name: `${said(row['extname'])}: ${said(row['type'])} ${said(row['identity'])}`,
        detail: 'A role has passed on what it may do with it: who has given what is not told apart.',
      })),
  }),
}

/** What belongs to the whole database: event triggers, publications, default privileges. A masked schema has none. */
import type { Json } from '../../../snapshot/canonical.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { privilegesIn } from './access.ts'
import { address, notMember, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { canonicalText } from './text.ts'
import { said } from '../said.ts'

const ENABLED: Readonly<Record<string, string>> = { D: 'disabled', R: 'replica', A: 'always' }

export const eventTriggers: Reader = {
  catalogue: 'pg_event_trigger',
  sql: ({
    masked,
  }) => `select e.oid, e.evtname, e.evtevent, e.evtenabled, e.evttags, e.evtfoid::regproc::text as function,
    pg_get_userbyid(e.evtowner) as owner
    from pg_event_trigger e where ${!masked} and ${notMember('pg_event_trigger', 'e.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'event_trigger',
      name: [said(row['evtname'])],
      parent: null,
      properties: stated({
        event: row['evtevent'],
        tags: row['evttags'],
        function: row['function'],
        enabled: ENABLED[said(row['evtenabled'])],
      }),
      facts: stated({ owner: row['owner'] }),
      addresses: [address('pg_event_trigger', row['oid'])],
    })),
  }),
}

export const publications: Reader = {
  catalogue: 'pg_publication',
  sql: ({
    version,
    masked,
  }) => `select p.oid, p.pubname, p.puballtables, p.pubinsert, p.pubupdate, p.pubdelete, p.pubtruncate, p.pubviaroot,
    ${version >= 180000 ? 'p.pubgencols' : 'null'} as generated, pg_get_userbyid(p.pubowner) as owner
    from pg_publication p where ${!masked} and ${notMember('pg_publication', 'p.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'publication',
      name: [said(row['pubname'])],
      parent: null,
      properties: stated({
        allTables: row['puballtables'],
        publish: ['insert', 'update', 'delete', 'truncate'].filter((what) => row[`pub${what}`] === true),
        viaRoot: row['pubviaroot'],
        generatedColumns: row['generated'] === 's' ? 'stored' : null,
      }),
      facts: stated({ owner: row['owner'] }),
      addresses: [address('pg_publication', row['oid'])],
    })),
  }),
}

export const publicationTables: Reader = {
  catalogue: 'pg_publication',
  sql: ({ version, masked }) => `select r.oid, p.pubname, rel.kind, rel.schema, rel.name,
    ${
      version >= 150000
        ? `pg_get_expr(r.prqual, r.prrelid) as condition, (select json_agg(a.attname order by a.attnum)
          from unnest(r.prattrs::int2[]) k(n) join pg_attribute a on a.attrelid = r.prrelid and a.attnum = k.n)`
        : 'null as condition, null'
    } as columns
    from pg_publication_rel r join pg_publication p on p.oid = r.prpubid join rel on rel.oid = r.prrelid
    where ${!masked} and ${notMember('pg_publication', 'p.oid')}`,
  read: (rows) => ({ found: rows.map(publicationTable) }),
}

function publicationTable(row: ReaderRow): Found {
  const table = [said(row['schema']), said(row['name'])]
  return {
    kind: 'publication_table',
    name: [said(row['pubname']), ...table],
    parent: objectId('publication', said(row['pubname'])),
    properties: stated({
      columns: row['columns'],
      condition: typeof row['condition'] === 'string' ? canonicalText(row['condition']) : null,
    }),
    addresses: [address('pg_publication_rel', row['oid'])],
    needs: [objectId(said(row['kind']), ...table)],
  }
}

export const publicationSchemas: Reader = {
  catalogue: 'pg_publication',
  sql: ({ version, masked }) =>
    version >= 150000
      ? `select r.oid, p.pubname, ours.name as schema from pg_publication_namespace r
        join pg_publication p on p.oid = r.pnpubid join ours on ours.oid = r.pnnspid
        where ${!masked} and ${notMember('pg_publication', 'p.oid')}`
      : `select null as pubname where false`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'publication_schema',
      name: [said(row['pubname']), said(row['schema'])],
      parent: objectId('publication', said(row['pubname'])),
      properties: {},
      addresses: [address('pg_publication_namespace', row['oid'])],
      needs: [objectId('schema', said(row['schema']))],
    })),
  }),
}

const OBJECTS: Readonly<Record<string, string>> = {
  r: 'TABLES',
  S: 'SEQUENCES',
  f: 'FUNCTIONS',
  T: 'TYPES',
  n: 'SCHEMAS',
  L: 'LARGE OBJECTS',
}

/** For a whole database they stand in the place of the server's own; for a schema they are added to those. */
export const defaultPrivileges: Reader = {
  catalogue: 'pg_default_acl',
  sql: ({
    masked,
  }) => `select d.oid, pg_get_userbyid(d.defaclrole) as role, ours.name as schema, d.defaclobjtype as type,
    (select json_agg(json_build_array(case when x.grantee = 0 then '' else pg_get_userbyid(x.grantee) end,
      x.privilege_type, x.is_grantable)) from aclexplode(d.defaclacl) x) as grants,
    (select json_agg(json_build_array(case when x.grantee = 0 then '' else pg_get_userbyid(x.grantee) end,
      x.privilege_type, x.is_grantable)) from aclexplode(acldefault(case when d.defaclobjtype = 'S' then 's' else d.defaclobjtype end, d.defaclrole)) x) as usual
    from pg_default_acl d left join ours on ours.oid = d.defaclnamespace
    where ${!masked} and (d.defaclnamespace = 0 or ours.oid is not null)`,
  read: (rows) => ({ found: rows.map(defaultPrivilege) }),
}

function defaultPrivilege(row: ReaderRow): Found {
  const schema = typeof row['schema'] === 'string' ? row['schema'] : ''
  const role = said(row['role'])
  const what = OBJECTS[said(row['type'])] ?? said(row['type'])
  const usual: Json = schema === '' ? (row['usual'] ?? []) : []
  return {
    kind: 'default_privilege',
    name: [role, schema, what],
    parent: schema === '' ? null : objectId('schema', schema),
    properties: { grants: privilegesIn(row['grants']), usual: privilegesIn(usual) },
    addresses: [address('pg_default_acl', row['oid'])],
  }
}

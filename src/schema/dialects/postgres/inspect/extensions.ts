/** Extensions: one line each; what they brought is theirs. */
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, stated, type Reader } from './reader.ts'
import { said } from '../said.ts'

/** Those that come with every database (plpgsql) are left out. */
export const extensions: Reader = {
  sql: ({
    masked,
  }) => `select e.oid, e.extname, n.nspname, e.extversion, e.extrelocatable, pg_get_userbyid(e.extowner) as owner,
    (select json_agg(u.target) from pg_extension_update_paths(e.extname) u
      where u.source = e.extversion and u.path is not null) as updates,
    exists (select from pg_depend d join pg_class c on c.oid = d.objid where d.classid = 1259::oid and d.deptype = 'e'
      and d.refclassid = 3079::oid and d.refobjid = e.oid and c.relkind in ('r', 'p', 'S', 'm')) as tables
    from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.oid >= 16384 and ${!masked}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'extension',
      name: [said(row['extname'])],
      parent: null,
      properties: stated({ schema: row['nspname'], version: row['extversion'] }),
      facts: stated({
        relocatable: row['extrelocatable'],
        updates: row['updates'],
        holdsRows: row['tables'],
        owner: row['owner'],
      }),
      addresses: [address('pg_extension', row['oid'])],
      needs: [objectId('schema', said(row['nspname']))],
    })),
  }),
}

/** Collations and conversions: how text is ordered, and turned from one encoding into another. */
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, notMember, stated, type Reader } from './reader.ts'
import { said } from '../said.ts'

const PROVIDER: Readonly<Record<string, string>> = { c: 'libc', i: 'icu', b: 'builtin' }

/** What holds the name of the locale was renamed with 17; rules came with 16. */
function localeColumn(version: number): string {
  return version >= 170000 ? 'c.colllocale' : version >= 150000 ? 'c.colliculocale' : 'null'
}

export const collations: Reader = {
  catalogue: 'pg_collation',
  sql: ({
    version,
  }) => `select c.oid, ours.name as schema, c.collname, c.collprovider, c.collisdeterministic, c.collcollate, c.collctype,
    ${localeColumn(version)} as locale, ${version >= 160000 ? 'c.collicurules' : 'null'} as rules,
    pg_get_userbyid(c.collowner) as owner
    from pg_collation c join ours on ours.oid = c.collnamespace where ${notMember('pg_collation', 'c.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'collation',
      name: [said(row['schema']), said(row['collname'])],
      parent: null,
      properties: stated({
        provider: PROVIDER[said(row['collprovider'])],
        // Before 15 the locale of ICU stands where libc's does.
        locale: row['locale'] ?? (row['collprovider'] === 'i' ? row['collcollate'] : null),
        collate: row['collprovider'] === 'c' ? row['collcollate'] : null,
        characters: row['collprovider'] === 'c' ? row['collctype'] : null,
        nondeterministic: row['collisdeterministic'] === false,
        rules: row['rules'],
      }),
      facts: stated({ owner: row['owner'] }),
      addresses: [address('pg_collation', row['oid'])],
      needs: [objectId('schema', said(row['schema']))],
    })),
  }),
}

export const conversions: Reader = {
  catalogue: 'pg_conversion',
  sql: () => `select c.oid, ours.name as schema, c.conname, c.condefault, c.conproc::regproc::text as function,
    pg_encoding_to_char(c.conforencoding) as source, pg_encoding_to_char(c.contoencoding) as target,
    pg_get_userbyid(c.conowner) as owner
    from pg_conversion c join ours on ours.oid = c.connamespace where ${notMember('pg_conversion', 'c.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'conversion',
      name: [said(row['schema']), said(row['conname'])],
      parent: null,
      properties: stated({
        default: row['condefault'],
        from: row['source'],
        to: row['target'],
        function: row['function'],
      }),
      facts: stated({ owner: row['owner'] }),
      addresses: [address('pg_conversion', row['oid'])],
      needs: [objectId('schema', said(row['schema']))],
    })),
  }),
}

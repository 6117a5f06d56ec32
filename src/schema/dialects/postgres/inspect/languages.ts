/** Languages and access methods: of the database. */
import { address, notMember, stated, type Reader } from './reader.ts'
import { said } from '../said.ts'

export const languages: Reader = {
  sql: ({ masked }) => `select l.oid, l.lanname, l.lanpltrusted, pg_get_userbyid(l.lanowner) as owner,
    case when l.lanplcallfoid <> 0 then l.lanplcallfoid::regproc::text end as handler,
    case when l.laninline <> 0 then l.laninline::regproc::text end as inline,
    case when l.lanvalidator <> 0 then l.lanvalidator::regproc::text end as validator
    from pg_language l where l.oid >= 16384 and ${!masked} and ${notMember('pg_language', 'l.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'language',
      name: [said(row['lanname'])],
      parent: null,
      properties: stated({
        trusted: row['lanpltrusted'],
        handler: row['handler'],
        inline: row['inline'],
        validator: row['validator'],
      }),
      facts: stated({ owner: row['owner'] }),
      addresses: [address('pg_language', row['oid'])],
    })),
  }),
}

export const accessMethods: Reader = {
  sql: ({ masked }) => `select a.oid, a.amname, a.amtype, a.amhandler::regproc::text as handler
    from pg_am a where a.oid >= 16384 and ${!masked} and ${notMember('pg_am', 'a.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'access_method',
      name: [said(row['amname'])],
      parent: null,
      properties: { type: row['amtype'] === 'i' ? 'INDEX' : 'TABLE', handler: row['handler'] ?? null },
      addresses: [address('pg_am', row['oid'])],
    })),
  }),
}

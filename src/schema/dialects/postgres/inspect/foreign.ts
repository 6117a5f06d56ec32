/** Foreign data: wrappers, servers, user mappings. They belong to the database: a masked schema has none. */
import { said } from '../said.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, notMember, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { optionsOf } from './text.ts'

export const foreignDataWrappers: Reader = {
  catalogue: 'pg_foreign_data_wrapper',
  sql: ({
    masked,
  }) => `select w.oid, w.fdwname, w.fdwoptions, case when w.fdwhandler <> 0 then w.fdwhandler::regproc::text end as handler,
    case when w.fdwvalidator <> 0 then w.fdwvalidator::regproc::text end as validator, pg_get_userbyid(w.fdwowner) as owner
    from pg_foreign_data_wrapper w where ${!masked} and ${notMember('pg_foreign_data_wrapper', 'w.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'foreign_data_wrapper',
      name: [said(row['fdwname'])],
      parent: null,
      properties: stated({
        handler: row['handler'],
        validator: row['validator'],
        options: optionsOf(row['fdwoptions']),
      }),
      facts: { owner: row['owner'] ?? null },
      addresses: [address('pg_foreign_data_wrapper', row['oid'])],
    })),
  }),
}

export const foreignServers: Reader = {
  catalogue: 'pg_foreign_server',
  sql: ({
    masked,
  }) => `select s.oid, s.srvname, s.srvtype, s.srvversion, s.srvoptions, w.fdwname, pg_get_userbyid(s.srvowner) as owner
    from pg_foreign_server s join pg_foreign_data_wrapper w on w.oid = s.srvfdw
    where ${!masked} and ${notMember('pg_foreign_server', 's.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'foreign_server',
      name: [said(row['srvname'])],
      parent: null,
      properties: stated({
        wrapper: row['fdwname'],
        type: row['srvtype'],
        version: row['srvversion'],
        options: optionsOf(row['srvoptions']),
      }),
      facts: { owner: row['owner'] ?? null },
      addresses: [address('pg_foreign_server', row['oid'])],
      needs: [objectId('foreign_data_wrapper', said(row['fdwname']))],
    })),
  }),
}

/** Options that are secrets: a snapshot is kept and shown, so it does not hold them. */
const SECRET = /pass|secret|token|key/iu

/** From the view: options are for those who may see them. */
export const userMappings: Reader = {
  catalogue: 'pg_foreign_server',
  sql: ({
    masked,
  }) => `select m.umid as oid, m.srvname, case when m.umuser = 0 then '' else m.usename end as role, m.umoptions
    from pg_user_mappings m where ${!masked} and ${notMember('pg_foreign_server', 'm.srvid')}`,
  read: (rows) => ({
    found: rows.map(userMapping),
    unmodelled: rows.filter(hasSecret).map((row) => ({
      kind: 'user_mapping',
      name: `${said(row['srvname'])} ${said(row['role'])}`,
      detail: 'Its password is not kept in snapshots: where the mapping is made anew, set it by hand.',
    })),
  }),
}

function hasSecret(row: ReaderRow): boolean {
  return Object.keys(optionsOf(row['umoptions']) ?? {}).some((name) => SECRET.test(name))
}

function withoutSecrets(row: ReaderRow): Record<string, string> {
  const options = Object.entries(optionsOf(row['umoptions']) ?? {})
  return Object.fromEntries(options.filter(([name]) => !SECRET.test(name)))
}

function userMapping(row: ReaderRow): Found {
  const server = said(row['srvname'])
  return {
    kind: 'user_mapping',
    name: [server, said(row['role'])],
    parent: objectId('foreign_server', server),
    properties: stated({ options: withoutSecrets(row) }),
    addresses: [address('pg_user_mapping', row['oid'])],
  }
}

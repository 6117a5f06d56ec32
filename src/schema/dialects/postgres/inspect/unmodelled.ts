/** What is in the database, belongs to its schema, and no plan makes or removes: told, so that nobody is misled. */
import type { Reader } from './reader.ts'
import { said } from '../said.ts'

/** Statements without a result for servers or roles that may not look are not asked. */
export const unmodelled: Reader = {
  sql: ({ masked }) => `select 'subscription' as kind, s.subname::text as name,
      'A subscription copies from another server and is made by hand.' as detail
      from pg_subscription s where ${!masked} and s.subdbid = (select oid from pg_database where datname = current_database())
    union all select 'security label', format('%s %s', o.type, o.identity), format('Label of provider %s.', l.provider)
      from pg_seclabel l, pg_identify_object(l.classoid, l.objoid, l.objsubid) o where ${!masked}
    union all select 'large object', format('%s large objects', count(*)), 'Large objects are data, with owners and grants of their own.'
      from pg_largeobject_metadata where ${!masked} having count(*) > 0
    union all select 'setting', coalesce(nullif(s.setrole, 0)::regrole::text, 'all roles') , array_to_string(s.setconfig, ', ')
      from pg_db_role_setting s where ${!masked} and s.setdatabase = (select oid from pg_database where datname = current_database())
    union all select 'system grant', format('%s', p.oid::regprocedure), 'Grants on objects of the server itself are not described.'
      from pg_proc p left join pg_init_privs i on i.classoid = 1255::oid and i.objoid = p.oid and i.objsubid = 0
      where ${!masked} and p.oid < 16384 and p.pronamespace = 11::oid and p.proacl is distinct from i.initprivs`,
  read: (rows) => ({
    found: [],
    unmodelled: rows.map((row) => ({
      kind: said(row['kind']),
      name: said(row['name']),
      detail: said(row['detail']),
    })),
  }),
}

/** Operators, operator families and classes, casts, transforms. */
import { objectId } from '../../../snapshot/snapshot.ts'
import {
  address,
  notMember,
  stated,
  type Address,
  type Found,
  type Reader,
  type ReaderRow,
} from './reader.ts'
import { said } from '../said.ts'

const OPERATOR_NAME = (oid: string): string =>
  `(select format('OPERATOR(%I.%s)', on_.nspname, oo.oprname) from pg_operator oo
    join pg_namespace on_ on on_.oid = oo.oprnamespace where oo.oid = ${oid})`
const PLAIN_OPERATOR_NAME = OPERATOR_NAME('ao.amopopr').replace('OPERATOR(%I.%s)', '%I.%s')
const FUNCTION_NAME = (oid: string): string => `case when ${oid} <> 0 then ${oid}::regproc::text end`

/** Shells that wait for their definition are left out. */
export const operators: Reader = {
  catalogue: 'pg_operator',
  sql: () => `select o.oid, ours.name as schema, n.nspname, o.oprname, pg_get_userbyid(o.oprowner) as owner,
    case when o.oprleft <> 0 then format_type(o.oprleft, null) end as "left",
    case when o.oprright <> 0 then format_type(o.oprright, null) end as "right",
    o.oprcode::regproc::text as function, ${FUNCTION_NAME('o.oprrest')} as restrict, ${FUNCTION_NAME('o.oprjoin')} as "join",
    ${OPERATOR_NAME('o.oprcom')} as commutator, ${OPERATOR_NAME('o.oprnegate')} as negator, o.oprcanmerge, o.oprcanhash
    from pg_operator o join ours on ours.oid = o.oprnamespace join pg_namespace n on n.oid = o.oprnamespace
    where o.oprcode <> 0 and ${notMember('pg_operator', 'o.oid')}`,
  read: (rows) => ({ found: rows.map(operator) }),
}

function operator(row: ReaderRow): Found {
  const schema = said(row['schema'])
  const types = [row['left'], row['right']].map((type) => said(type ?? 'NONE')).join(', ')
  return {
    kind: 'operator',
    name: [schema, `${said(row['oprname'])}(${types})`],
    parent: null,
    properties: stated({
      FUNCTION: row['function'],
      LEFTARG: row['left'],
      RIGHTARG: row['right'],
      COMMUTATOR: row['commutator'],
      NEGATOR: row['negator'],
      RESTRICT: row['restrict'],
      JOIN: row['join'],
      HASHES: row['oprcanhash'],
      MERGES: row['oprcanmerge'],
    }),
    facts: stated({ name: row['oprname'], types, owner: row['owner'] }),
    addresses: [address('pg_operator', row['oid'])],
    needs: [objectId('schema', schema)],
  }
}

const MEMBERS = (where: string): string => `(select json_agg(m.text order by m.text collate "C") from (
    select format('OPERATOR %s %s (%s, %s)%s', ao.amopstrategy, ${PLAIN_OPERATOR_NAME}, format_type(ao.amoplefttype, null),
      format_type(ao.amoprighttype, null), case when ao.amopsortfamily <> 0 then (select format(' FOR ORDER BY %I.%I', sn.nspname, sf.opfname)
        from pg_opfamily sf join pg_namespace sn on sn.oid = sf.opfnamespace where sf.oid = ao.amopsortfamily) end) as text
    from pg_amop ao join pg_depend d on d.classid = 2602::oid and d.objid = ao.oid and ${where}
    union all
    select format('FUNCTION %s (%s, %s) %s', ap.amprocnum, format_type(ap.amproclefttype, null),
      format_type(ap.amprocrighttype, null), ap.amproc::regprocedure::text)
    from pg_amproc ap join pg_depend d on d.classid = 2603::oid and d.objid = ap.oid and ${where}) m)`

/** SQL: where the members are in the catalogue, as addresses: they are what needs operators and functions. */
const MEMBER_ADDRESSES = (
  where: string,
): string => `(select json_agg(d.classid::text || '/' || d.objid::text || '/0')
    from pg_depend d where d.classid in (2602::oid, 2603::oid) and ${where}) as addresses`

function addressesOf(row: ReaderRow): Address[] {
  return Array.isArray(row['addresses']) ? (row['addresses'] as Address[]) : []
}

const OF_FAMILY = 'd.refclassid = 2753::oid and d.refobjid = f.oid'
const OF_CLASS = 'd.refclassid = 2616::oid and d.refobjid = c.oid'

export const operatorFamilies: Reader = {
  catalogue: 'pg_opfamily',
  sql: () => `select f.oid, ours.name as schema, f.opfname, am.amname, pg_get_userbyid(f.opfowner) as owner,
    ${MEMBERS(OF_FAMILY)} as members, ${MEMBER_ADDRESSES(OF_FAMILY)}
    from pg_opfamily f join ours on ours.oid = f.opfnamespace join pg_am am on am.oid = f.opfmethod
    where ${notMember('pg_opfamily', 'f.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'operator_family',
      name: [said(row['schema']), `${said(row['opfname'])}(${said(row['amname'])})`],
      parent: null,
      properties: stated({ members: row['members'] }),
      facts: stated({ name: row['opfname'], method: row['amname'], owner: row['owner'] }),
      addresses: [address('pg_opfamily', row['oid']), ...addressesOf(row)],
      needs: [objectId('schema', said(row['schema']))],
    })),
  }),
}

export const operatorClasses: Reader = {
  catalogue: 'pg_opclass',
  sql: () => `select c.oid, ours.name as schema, c.opcname, am.amname, c.opcdefault, format_type(c.opcintype, null) as type,
    case when c.opckeytype <> 0 then format_type(c.opckeytype, null) end as storage, pg_get_userbyid(c.opcowner) as owner,
    case when fo.name is null then array[fn.nspname::text, f.opfname] else array[fo.name, f.opfname] end as family,
    ${MEMBERS(OF_CLASS)} as members, ${MEMBER_ADDRESSES(OF_CLASS)}
    from pg_opclass c join ours on ours.oid = c.opcnamespace join pg_am am on am.oid = c.opcmethod
    join pg_opfamily f on f.oid = c.opcfamily join pg_namespace fn on fn.oid = f.opfnamespace
    left join ours fo on fo.oid = f.opfnamespace
    where ${notMember('pg_opclass', 'c.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'operator_class',
      name: [said(row['schema']), `${said(row['opcname'])}(${said(row['amname'])})`],
      parent: null,
      properties: stated({
        default: row['opcdefault'],
        type: row['type'],
        storage: row['storage'],
        family: row['family'],
        members: row['members'],
      }),
      facts: stated({ name: row['opcname'], method: row['amname'], owner: row['owner'] }),
      addresses: [address('pg_opclass', row['oid']), ...addressesOf(row)],
      needs: [objectId('schema', said(row['schema']))],
    })),
  }),
}

/** A schema alone has none: they belong to the database. */
export const casts: Reader = {
  sql: ({
    masked,
  }) => `select c.oid, format_type(c.castsource, null) as source, format_type(c.casttarget, null) as target,
    case when c.castfunc <> 0 then c.castfunc::regprocedure::text end as function, c.castcontext, c.castmethod
    from pg_cast c where c.oid >= 16384 and ${!masked}
    and not exists (select from pg_depend d where d.classid = 2605::oid and d.objid = c.oid and d.deptype = 'i') and ${notMember('pg_cast', 'c.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => {
      const name = `(${said(row['source'])} AS ${said(row['target'])})`
      return {
        kind: 'cast',
        name: [name],
        parent: null,
        properties: stated({
          function: row['function'],
          inout: row['castmethod'] === 'i',
          context: { a: 'ASSIGNMENT', i: 'IMPLICIT' }[said(row['castcontext'])],
        }),
        facts: { signature: name },
        addresses: [address('pg_cast', row['oid'])],
      }
    }),
  }),
}

export const transforms: Reader = {
  sql: ({ masked }) => `select t.oid, format_type(t.trftype, null) as type, l.lanname,
    case when t.trffromsql <> 0 then t.trffromsql::regprocedure::text end as from_sql,
    case when t.trftosql <> 0 then t.trftosql::regprocedure::text end as to_sql
    from pg_transform t join pg_language l on l.oid = t.trflang
    where ${!masked} and ${notMember('pg_transform', 't.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'transform',
      name: [said(row['type']), said(row['lanname'])],
      parent: null,
      properties: stated({ from: row['from_sql'], to: row['to_sql'] }),
      facts: {
        signature: `FOR ${said(row['type'])} LANGUAGE "${said(row['lanname']).replaceAll('"', '""')}"`,
      },
      addresses: [address('pg_transform', row['oid'])],
    })),
  }),
}

/**
 * Grants: on every object as `{role: [privilege, …]}`, PUBLIC as '', a privilege that may be passed on with a star.
 * Told relative to the owner, so that two databases of different owners can be equal: what the owner has is left out
 * when that is everything, and told under `OWNER` when it is less. What others have passed on is told apart, by who did.
 */
import type { Json } from '../../../snapshot/canonical.ts'
import { byCodePoint } from '../../../snapshot/snapshot.ts'
import { type Address, type Annotator, type ReaderRow } from './reader.ts'
import { said } from '../said.ts'

/** Stands for the owner among grantees; no role can be called so. */
export const OWNER = '{owner}'

export type Privileges = Readonly<Record<string, readonly string[]>>

/** From rows `[grantee, privilege, grantable]`. */
export function privilegesIn(rows: Json | undefined): Record<string, string[]> {
  const sets = new Map<string, Set<string>>()
  for (const row of Array.isArray(rows) ? rows : []) {
    const [grantee, privilege, grantable] = row as [string, string, boolean]
    const set = sets.get(grantee) ?? new Set()
    sets.set(grantee, set)
    // Two grantors may have given it, one of them with the option.
    if (grantable) set.delete(privilege)
    if (!set.has(`${privilege}*`)) set.add(grantable ? `${privilege}*` : privilege)
  }
  const entries = [...sets].map(([role, set]): [string, string[]] => [role, [...set].toSorted(byCodePoint)])
  return Object.fromEntries(entries.toSorted(([a], [b]) => byCodePoint(a, b)))
}

/** One SELECT per catalogue that has grants: address, the list, the owner, the letter that `acldefault` knows. */
function sources(masked: boolean): string[] {
  return [
    `select 1259, rel.oid, 0, c.relacl, c.relowner, case c.relkind when 'S' then 's' else 'r' end
      from rel join pg_class c on c.oid = rel.oid where c.relkind in ('r', 'p', 'f', 'v', 'm', 'S')`,
    `select 1255, p.oid, 0, p.proacl, p.proowner, 'f' from pg_proc p join ours on ours.oid = p.pronamespace`,
    `select 1247, t.oid, 0, t.typacl, t.typowner, 'T' from pg_type t join ours on ours.oid = t.typnamespace
      where t.typtype in ('e', 'd', 'c', 'r')`,
    `select 2615, n.oid, 0, n.nspacl, n.nspowner, 'n' from pg_namespace n join ours on ours.oid = n.oid`,
    ...(masked
      ? []
      : [
          `select 2612, l.oid, 0, l.lanacl, l.lanowner, 'l' from pg_language l where l.oid >= 16384`,
          `select 2328, w.oid, 0, w.fdwacl, w.fdwowner, 'F' from pg_foreign_data_wrapper w`,
          `select 1417, s.oid, 0, s.srvacl, s.srvowner, 'S' from pg_foreign_server s`,
        ]),
  ]
}

/** SQL: rows for `privilegesIn` of a list of grants; of `s` the columns `letter` and `owner` are used. */
export function explodedSql(list: string, only = 'true'): string {
  return `(select json_agg(json_build_array(case when x.grantee = s.owner then '${OWNER}'
    when x.grantee = 0 then '' else pg_get_userbyid(x.grantee) end, x.privilege_type, x.is_grantable))
  from aclexplode(coalesce(${list}, acldefault(s.letter::"char", s.owner))) x where ${only})`
}

/** SQL: how many privileges the owner has of an object as it is made. */
export const ALL_OF_OWNER = `(select count(distinct x.privilege_type) from aclexplode(acldefault(s.letter::"char", s.owner)) x
      where x.grantee = s.owner)`

/** Only what is not as the server makes it. */
export const grants: Annotator = {
  property: 'acl',
  sql: ({
    masked,
  }) => `select s.classid::text || '/' || s.objid::text || '/' || s.subid::text as address, s.letter,
    ${explodedSql('s.acl', 'x.grantor = s.owner')} as grants,
    ${ALL_OF_OWNER} as all
    from (${sources(masked).join(' union all ')}) as s(classid, objid, subid, acl, owner, letter)
    where s.acl is not null
    union all
    select '1259/' || a.attrelid::text || '/' || a.attnum::text, 'c',
      (select json_agg(json_build_array(case when x.grantee = 0 then '' else pg_get_userbyid(x.grantee) end,
        x.privilege_type, x.is_grantable)) from aclexplode(a.attacl) x where x.grantee <> c.relowner and x.grantor = c.relowner), 0
    from rel join pg_class c on c.oid = rel.oid join pg_attribute a on a.attrelid = rel.oid and a.attacl is not null and not a.attisdropped
    where c.relkind in ('r', 'p', 'f', 'v', 'm')`,
  read: (rows) => annotations(rows),
}

/**
 * SQL: what roles with a grant option have passed on.
 * @param lists rows `classid, objid, subid, acl, owner, letter`
 */
function passedOn(lists: string): string {
  return `select address, json_agg(json_build_array(grantor, json_build_array(grantee, privilege, grantable))) as grants
    from (select s.classid::text || '/' || s.objid::text || '/' || s.subid::text as address, pg_get_userbyid(x.grantor) as grantor,
        case when x.grantee = 0 then '' else pg_get_userbyid(x.grantee) end as grantee, x.privilege_type as privilege,
        x.is_grantable as grantable
      from (${lists}) as s(classid, objid, subid, acl, owner, letter), aclexplode(s.acl) x
      where s.acl is not null and x.grantor <> s.owner and x.grantee <> s.owner) passed
    group by address`
}

function readPassedOn(rows: readonly ReaderRow[]): ReadonlyMap<Address, Json> {
  return new Map(rows.map((row) => [said(row['address']) as Address, byGrantor(row['grants'])]))
}

/** What roles with a grant option have passed on, by who did: `{grantor: {role: [privilege, …]}}`. */
export const grantsOfOthers: Annotator = {
  property: 'aclOfOthers',
  sql: ({ masked }) =>
    passedOn(`${sources(masked).join(' union all ')}
      union all select 1259, a.attrelid, a.attnum, a.attacl, c.relowner, 'c' from rel join pg_class c on c.oid = rel.oid
        join pg_attribute a on a.attrelid = rel.oid and a.attacl is not null and not a.attisdropped
        where c.relkind in ('r', 'p', 'f', 'v', 'm')`),
  read: readPassedOn,
}

function byGrantor(rows: Json | undefined): Record<string, Record<string, string[]>> {
  const found = new Map<string, Json[]>()
  for (const row of Array.isArray(rows) ? rows : []) {
    const [grantor, grant] = row as [string, Json]
    found.set(grantor, [...(found.get(grantor) ?? []), grant])
  }
  return Object.fromEntries(
    [...found]
      .toSorted(([a], [b]) => byCodePoint(a, b))
      .map(([role, passed]) => [role, privilegesIn(passed)]),
  )
}

/** SQL: the column whose identity a sequence is. */
const OF_COLUMN = (sequence: string): string =>
  `d.classid = 1259::oid and d.objid = ${sequence}.oid and d.objsubid = 0 and d.refclassid = 1259::oid and d.deptype = 'i'`

/** The sequence of an identity column has grants of its own, told with the column. */
export const sequenceGrants: Annotator = {
  property: 'sequenceAcl',
  sql: () => `select '1259/' || d.refobjid::text || '/' || d.refobjsubid::text as address, s.letter,
    ${explodedSql('s.acl', 'x.grantor = s.owner')} as grants, 3 as all
    from (select c.oid, c.relacl, c.relowner, 's' from pg_class c where c.relkind = 'S') as s(oid, acl, owner, letter)
    join pg_depend d on ${OF_COLUMN('s')}
    where s.acl is not null`,
  read: (rows) => annotations(rows),
}

export const sequenceGrantsOfOthers: Annotator = {
  property: 'sequenceAclOfOthers',
  sql: () =>
    passedOn(`select d.refclassid, d.refobjid, d.refobjsubid, c.relacl, c.relowner, 's' from pg_class c
      join pg_depend d on ${OF_COLUMN('c')} where c.relkind = 'S'`),
  read: readPassedOn,
}

function annotations(rows: readonly ReaderRow[]): ReadonlyMap<Address, Json> {
  const found = new Map<Address, Json>()
  for (const row of rows) {
    const value = relative(row)
    if (!isUsual(said(row['letter']), value)) found.set(said(row['address']) as Address, value)
  }
  return found
}

function relative(row: ReaderRow): Privileges {
  return relativeTo(row['grants'], row['letter'] === 'c' ? 0 : Number(row['all']))
}

/** Without the owner who holds everything: `all` privileges. */
export function relativeTo(rows: Json | undefined, all: number): Privileges {
  const { [OWNER]: own = [], ...others } = privilegesIn(rows)
  if (own.length >= all) return others
  return { [OWNER]: own.map((privilege) => privilege.replace('*', '')), ...others }
}

/** What PUBLIC may do with a new object, by the letter of its kind. */
const PUBLIC_MAY: Readonly<Record<string, readonly string[]>> = { f: ['EXECUTE'], T: ['USAGE'], l: ['USAGE'] }

function isUsual(letter: string, value: Privileges): boolean {
  const usual = PUBLIC_MAY[letter]
  const roles = Object.keys(value)
  if (usual === undefined) return roles.length === 0
  return roles.length === 1 && value['']?.join() === usual.join()
}

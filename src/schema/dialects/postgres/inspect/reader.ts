/**
 * How each kind of object is read: one file per kind exports a `Reader`, listed in `readers.ts`. All readers' queries
 * are sent together, in one transaction, so they see one state of the catalogue and cost one round trip. Of their
 * rows booleans, numbers, JSON and arrays arrive as such, everything else as text (oids too).
 *
 * Every query may use these, which hold only what is inspected (no system schemas, no members of extensions):
 * - `ours(oid, name)`: the schemas; `name` is masked when a schema is masked, so ids are made of it;
 * - `rel(oid, kind, schema, name, relkind, relnamespace, oclass)`: relations in these schemas; `kind` is the kind of
 *   object that they are in snapshots, `schema` as in `ours`. Not temporary, not TOAST, no identity's sequence;
 * - `member(classid, objid)`: what belongs to extensions. See `notMember`.
 */
import { said } from '../said.ts'
import type { Json } from '../../../snapshot/canonical.ts'
import type { ValueRow } from '../values.ts'
import type { Properties, Unmodelled } from '../../../snapshot/snapshot.ts'

/** Where an object is in the catalogue: `classid/objid/objsubid`, as in pg_depend. */
export type Address = `${string}/${string}/${string}`

export interface Found {
  readonly kind: string
  /** Outermost first; schemas come from `ours.name` or `rel.schema`. */
  readonly name: readonly string[]
  /** Id of the object that it is a part of, made with `objectId`. */
  readonly parent: string | null
  /** Without `comment` and `acl`: those are added from `addresses[0]`. Leave out what has its default value. */
  readonly properties: Properties
  readonly facts?: Properties
  /**
   * First the object itself, then what else in the catalogue is this object to those that depend on it, e.g. the
   * index of a constraint, the rewrite rule of a view, the row type of a table.
   */
  readonly addresses: readonly Address[]
  /** Ids that it needs and that pg_depend does not tell. Those that are not in the snapshot are left out. */
  readonly needs?: readonly string[]
}

export interface QueryContext {
  /** `server_version_num`, e.g. 150014: what an older server does not have must not be asked for. */
  readonly version: number
  /** Only one schema is looked at: what belongs to the whole database is left out. */
  readonly masked: boolean
  /** By the addresses of columns of tables: filled by their reader, which comes before those of their parts. */
  readonly columnNames: Map<string, string>
}

export interface Reading {
  readonly found: readonly Found[]
  readonly unmodelled?: readonly Unmodelled[]
}

export type ReaderRow = ValueRow

export interface Reader {
  /** The catalogue without whose objects, in the schemas looked at, there is nothing to read. */
  readonly catalogue?: keyof typeof CLASS
  /** Common table expressions of its own. */
  readonly also?: (context: QueryContext) => string
  /** One SELECT without semicolon; all names qualified or in pg_catalog, operators too where users may own types. */
  readonly sql: (context: QueryContext) => string
  readonly read: (rows: readonly ReaderRow[], context: QueryContext) => Reading
}

/** Reads a property that stands on objects of many kinds: comments, grants. */
export interface Annotator {
  /** The property's name, e.g. `comment`. */
  readonly property: string
  readonly sql: (context: QueryContext) => string
  /** By address; an object without an entry gets no such property. */
  readonly read: (rows: readonly ReaderRow[], context: QueryContext) => ReadonlyMap<Address, Json>
}

/** Oids of the catalogues, the same in every PostgreSQL. */
export const CLASS = {
  pg_class: '1259',
  pg_type: '1247',
  pg_proc: '1255',
  pg_attrdef: '2604',
  pg_constraint: '2606',
  pg_namespace: '2615',
  pg_opclass: '2616',
  pg_operator: '2617',
  pg_rewrite: '2618',
  pg_trigger: '2620',
  pg_language: '2612',
  pg_cast: '2605',
  pg_conversion: '2607',
  pg_am: '2601',
  pg_opfamily: '2753',
  pg_extension: '3079',
  pg_policy: '3256',
  pg_statistic_ext: '3381',
  pg_collation: '3456',
  pg_event_trigger: '3466',
  pg_foreign_server: '1417',
  pg_foreign_data_wrapper: '2328',
  pg_user_mapping: '1418',
  pg_publication: '6104',
  pg_publication_rel: '6106',
  pg_publication_namespace: '6237',
  pg_subscription: '6100',
  pg_default_acl: '826',
  pg_transform: '3576',
  pg_ts_parser: '3601',
  pg_ts_dict: '3600',
  pg_ts_template: '3764',
  pg_ts_config: '3602',
} as const

export function address(
  catalogue: keyof typeof CLASS,
  oid: Json | undefined,
  subid: Json | undefined = 0,
): Address {
  return `${CLASS[catalogue]}/${said(oid)}/${said(subid)}`
}

/** SQL: the object of `catalogue` with this oid belongs to no extension. */
export function notMember(catalogue: keyof typeof CLASS, oid: string): string {
  return `not exists (select from member where member.classid = ${CLASS[catalogue]}::pg_catalog.oid and member.objid = ${oid})`
}

/** Properties without those that are null, false, empty: what has its default value says nothing. */
export function stated(properties: Readonly<Record<string, Json | undefined>>): Properties {
  const kept: Record<string, Json> = {}
  for (const name in properties) {
    const value = properties[name]
    if (value !== undefined && !isDefault(value)) kept[name] = value
  }
  return kept
}

function isDefault(value: Json): boolean {
  if (value === null || value === false || value === '') return true
  return (
    typeof value === 'object' && (Array.isArray(value) ? value.length === 0 : Object.keys(value).length === 0)
  )
}

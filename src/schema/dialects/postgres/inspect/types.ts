/** Types that users make: enums, domains with their constraints, composite types with their attributes, ranges. */
import type { Json } from '../../../snapshot/canonical.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, notMember, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { usualNotNullName } from '../usual-names.ts'
import { canonicalText, withoutEnd } from './text.ts'
import { said } from '../said.ts'

function schemaAndName(row: ReaderRow): [string, string] {
  return [said(row['schema']), said(row['typname'])]
}

function text(value: Json | undefined): string | null {
  return typeof value === 'string' ? canonicalText(value) : null
}

const OWN_TYPE = `join ours on ours.oid = t.typnamespace`

export const enums: Reader = {
  catalogue: 'pg_type',
  sql: () => `select t.oid, t.typarray, ours.name as schema, t.typname, pg_get_userbyid(t.typowner) as owner,
    (select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid) as labels
    from pg_type t ${OWN_TYPE} where t.typtype = 'e' and ${notMember('pg_type', 't.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'enum',
      name: schemaAndName(row),
      parent: null,
      properties: { labels: row['labels'] ?? [] },
      facts: stated({ owner: row['owner'] }),
      addresses: [address('pg_type', row['oid']), address('pg_type', row['typarray'])],
      needs: [objectId('schema', said(row['schema']))],
    })),
  }),
}

export const domains: Reader = {
  catalogue: 'pg_type',
  sql: ({
    version,
  }) => `select t.oid, t.typarray, ours.name as schema, t.typname, pg_get_userbyid(t.typowner) as owner,
    format_type(t.typbasetype, t.typtypmod) as type, t.typnotnull,
    case when t.typcollation <> b.typcollation then t.typcollation::regcollation::text end as collation,
    coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault)) as default,
    ${
      version >= 170000
        ? `(select k.conname from pg_constraint k where k.contypid = t.oid and k.contype = 'n')`
        : 'null'
    } as not_null_name
    from pg_type t ${OWN_TYPE} join pg_type b on b.oid = t.typbasetype
    where t.typtype = 'd' and ${notMember('pg_type', 't.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'domain',
      name: schemaAndName(row),
      parent: null,
      properties: stated({
        type: row['type'],
        collation: row['collation'],
        default: text(row['default']),
        notNull: row['typnotnull'],
        notNullName:
          row['not_null_name'] === usualNotNullName(said(row['typname'])) ? null : row['not_null_name'],
      }),
      facts: stated({ owner: row['owner'] }),
      addresses: [address('pg_type', row['oid']), address('pg_type', row['typarray'])],
      needs: [objectId('schema', said(row['schema']))],
    })),
  }),
}

export const domainConstraints: Reader = {
  catalogue: 'pg_type',
  sql: () => `select k.oid, ours.name as schema, t.typname, k.conname, k.convalidated,
    pg_get_constraintdef(k.oid) as definition
    from pg_constraint k join pg_type t on t.oid = k.contypid ${OWN_TYPE}
    where k.contype = 'c' and ${notMember('pg_type', 't.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'domain_constraint',
      name: [...schemaAndName(row), said(row['conname'])],
      parent: objectId('domain', ...schemaAndName(row)),
      properties: stated({
        definition: canonicalText(
          withoutEnd(said(row['definition']), ' NOT VALID', row['convalidated'] === false),
        ),
        notValid: row['convalidated'] === false,
      }),
      addresses: [address('pg_constraint', row['oid'])],
    })),
  }),
}

export const compositeTypes: Reader = {
  catalogue: 'pg_type',
  sql: () => `select t.oid, rel.oid as relation, t.typarray, rel.schema, t.typname, pg_get_userbyid(t.typowner) as owner
    from rel join pg_type t on t.typrelid = rel.oid where rel.relkind = 'c'`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'composite_type',
      name: schemaAndName(row),
      parent: null,
      properties: {},
      facts: stated({ owner: row['owner'] }),
      addresses: [
        address('pg_type', row['oid']),
        address('pg_class', row['relation']),
        address('pg_type', row['typarray']),
      ],
      needs: [objectId('schema', said(row['schema']))],
    })),
  }),
}

export const attributes: Reader = {
  catalogue: 'pg_type',
  sql: () => `select rel.oid, rel.schema, rel.name as typname, a.attname, a.attnum,
    format_type(a.atttypid, a.atttypmod) as type,
    case when a.attcollation <> t.typcollation then a.attcollation::regcollation::text end as collation
    from rel join pg_attribute a on a.attrelid = rel.oid and a.attnum > 0 and not a.attisdropped
    join pg_type t on t.oid = a.atttypid where rel.relkind = 'c'`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'attribute',
      name: [...schemaAndName(row), said(row['attname'])],
      parent: objectId('composite_type', ...schemaAndName(row)),
      properties: stated({ type: row['type'], collation: row['collation'] }),
      facts: stated({ position: row['attnum'] }),
      addresses: [address('pg_class', row['oid'], row['attnum'])],
    })),
  }),
}

export const ranges: Reader = {
  catalogue: 'pg_type',
  sql: () => `select t.oid, t.typarray, m.oid as multirange, m.typarray as multirange_array, ours.name as schema, t.typname,
    pg_get_userbyid(t.typowner) as owner, m.typname as multirange_name, mn.nspname <> tn.nspname as elsewhere,
    mn.nspname as multirange_schema, format_type(r.rngsubtype, null) as subtype,
    case when not oc.opcdefault then format('%I.%I', ocn.nspname, oc.opcname) end as class,
    case when r.rngcollation <> st.typcollation then r.rngcollation::regcollation::text end as collation,
    case when r.rngcanonical <> 0 then r.rngcanonical::regproc::text end as canonical,
    case when r.rngsubdiff <> 0 then r.rngsubdiff::regproc::text end as difference
    from pg_type t ${OWN_TYPE} join pg_range r on r.rngtypid = t.oid join pg_namespace tn on tn.oid = t.typnamespace
    join pg_type m on m.oid = r.rngmultitypid join pg_namespace mn on mn.oid = m.typnamespace
    join pg_opclass oc on oc.oid = r.rngsubopc join pg_namespace ocn on ocn.oid = oc.opcnamespace
    join pg_type st on st.oid = r.rngsubtype
    where t.typtype = 'r' and ${notMember('pg_type', 't.oid')}`,
  read: (rows) => ({ found: rows.map(range) }),
}

function range(row: ReaderRow): Found {
  return {
    kind: 'range',
    name: schemaAndName(row),
    parent: null,
    properties: stated({
      subtype: row['subtype'],
      operatorClass: row['class'],
      collation: row['collation'],
      canonical: row['canonical'],
      difference: row['difference'],
      multirange:
        row['elsewhere'] === true
          ? [row['multirange_schema'] ?? null, row['multirange_name'] ?? null]
          : [row['multirange_name'] ?? null],
    }),
    facts: stated({ owner: row['owner'] }),
    addresses: [
      address('pg_type', row['oid']),
      address('pg_type', row['typarray']),
      address('pg_type', row['multirange']),
      address('pg_type', row['multirange_array']),
    ],
    needs: [objectId('schema', said(row['schema']))],
  }
}

/** Types with functions of their own for reading and writing, in C mostly: not described. */
export const baseTypes: Reader = {
  catalogue: 'pg_type',
  sql: () => `select ours.name as schema, t.typname, t.typisdefined from pg_type t ${OWN_TYPE}
    where (t.typtype = 'b' and t.typelem = 0 or t.typtype = 'p') and ${notMember('pg_type', 't.oid')}
    union all select ours.name, t.typname, true from pg_type t ${OWN_TYPE} where t.typtype = 'b' and t.typelem <> 0
    and not exists (select from pg_type e where e.typarray = t.oid) and ${notMember('pg_type', 't.oid')}`,
  read: (rows) => ({
    found: [],
    unmodelled: rows.map((row) => ({
      kind: row['typisdefined'] === false ? 'shell type' : 'base type',
      name: schemaAndName(row).join('.'),
      detail: 'A type with input and output functions of its own is neither made nor removed by a plan.',
    })),
  }),
}

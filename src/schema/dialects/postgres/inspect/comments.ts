/** Comments on everything. */
import type { Json } from '../../../snapshot/canonical.ts'
import type { Address, Annotator, ReaderRow } from './reader.ts'
import { said } from '../said.ts'

function texts(rows: readonly ReaderRow[]): ReadonlyMap<Address, Json> {
  return new Map(rows.map((row) => [said(row['address']) as Address, row['description'] ?? '']))
}

export const comments: Annotator = {
  property: 'comment',
  sql: () => `select d.classoid::text || '/' || d.objoid::text || '/' || d.objsubid::text as address, d.description
    from pg_description d where d.objoid >= 16384 or d.classoid = 2615::oid`,
  read: texts,
}

/** The index behind a constraint can have a comment beside the constraint's. */
export const indexComments: Annotator = {
  property: 'indexComment',
  sql: () => `select '2606/' || k.oid::text || '/0' as address, d.description
    from pg_description d join pg_constraint k on k.conindid = d.objoid and k.contype in ('p', 'u', 'x')
    where d.classoid = 1259::oid and d.objsubid = 0`,
  read: texts,
}

/** From 17 on the NOT NULL of a domain, from 18 on that of a column, can have a comment of its own. */
export const notNullComments: Annotator = {
  property: 'notNullComment',
  sql: () => `select case when k.contypid <> 0 then '1247/' || k.contypid::text || '/0'
      else '1259/' || k.conrelid::text || '/' || k.conkey[1]::text end as address, d.description
    from pg_description d join pg_constraint k on k.oid = d.objoid and k.contype = 'n' where d.classoid = 2606::oid`,
  read: texts,
}

/** `ALTER … DEPENDS ON EXTENSION`: goes with an extension without being a part of it. */
export const extensionLinks: Annotator = {
  property: 'goesWith',
  sql: () => `select d.classid::text || '/' || d.objid::text || '/0' as address,
      json_agg(e.extname order by e.extname) as description
    from pg_depend d join pg_extension e on e.oid = d.refobjid
    where d.deptype = 'x' and d.refclassid = 3079::oid group by d.classid, d.objid`,
  read: texts,
}

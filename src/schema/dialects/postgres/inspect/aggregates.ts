/** Aggregates: nothing of the server writes them whole, so they are put together from the catalogue. */
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, notMember, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { ARGUMENT_TYPES } from './routines.ts'
import { said } from '../said.ts'

function functionName(column: string): string {
  return `case when a.${column} <> 0 then a.${column}::regproc::text end as ${column}`
}

const FUNCTIONS = [
  'aggtransfn',
  'aggfinalfn',
  'aggcombinefn',
  'aggserialfn',
  'aggdeserialfn',
  'aggmtransfn',
  'aggminvtransfn',
  'aggmfinalfn',
]

export const aggregates: Reader = {
  catalogue: 'pg_proc',
  sql: () => `select p.oid, ours.name as schema, p.proname, ${ARGUMENT_TYPES} as types, p.proparallel,
    pg_get_function_identity_arguments(p.oid) as signature, pg_get_function_arguments(p.oid) as arguments,
    pg_get_userbyid(p.proowner) as owner, ${FUNCTIONS.map(functionName).join(', ')},
    a.aggkind, a.aggfinalextra, a.aggmfinalextra, a.aggfinalmodify, a.aggmfinalmodify,
    format_type(a.aggtranstype, null) as state, a.aggtransspace, a.agginitval, a.aggminitval,
    case when a.aggmtranstype <> 0 then format_type(a.aggmtranstype, null) end as moving_state, a.aggmtransspace,
    case when a.aggsortop <> 0 then (select format('OPERATOR(%I.%s)', n.nspname, o.oprname)
      from pg_operator o join pg_namespace n on n.oid = o.oprnamespace where o.oid = a.aggsortop) end as sort_operator
    from pg_proc p join pg_aggregate a on a.aggfnoid = p.oid join ours on ours.oid = p.pronamespace
    where p.prokind = 'a' and ${notMember('pg_proc', 'p.oid')}`,
  read: (rows) => ({ found: rows.map(aggregate) }),
}

const MODIFY: Readonly<Record<string, string>> = { r: 'READ_ONLY', s: 'SHAREABLE', w: 'READ_WRITE' }
const PARALLEL: Readonly<Record<string, string>> = { s: 'SAFE', r: 'RESTRICTED' }

function aggregate(row: ReaderRow): Found {
  const schema = said(row['schema'])
  // A plain aggregate's final function only reads, another's may write: what is usual is not told.
  const usual = row['aggkind'] === 'n' ? 'r' : 'w'
  const modify = (column: string, used: string): string | undefined =>
    row[used] === null || row[column] === usual ? undefined : MODIFY[said(row[column])]
  return {
    kind: 'aggregate',
    name: [schema, `${said(row['proname'])}(${said(row['types'])})`],
    parent: null,
    properties: stated({
      arguments: row['arguments'],
      SFUNC: row['aggtransfn'],
      STYPE: row['state'],
      SSPACE: row['aggtransspace'] === 0 ? null : row['aggtransspace'],
      FINALFUNC: row['aggfinalfn'],
      FINALFUNC_EXTRA: row['aggfinalextra'],
      FINALFUNC_MODIFY: modify('aggfinalmodify', 'aggfinalfn'),
      COMBINEFUNC: row['aggcombinefn'],
      SERIALFUNC: row['aggserialfn'],
      DESERIALFUNC: row['aggdeserialfn'],
      initial: row['agginitval'] === null ? null : [row['agginitval'] as string],
      MSFUNC: row['aggmtransfn'],
      MINVFUNC: row['aggminvtransfn'],
      MSTYPE: row['moving_state'],
      MSSPACE: row['aggmtransspace'] === 0 ? null : row['aggmtransspace'],
      MFINALFUNC: row['aggmfinalfn'],
      MFINALFUNC_EXTRA: row['aggmfinalextra'],
      MFINALFUNC_MODIFY: modify('aggmfinalmodify', 'aggmfinalfn'),
      movingInitial: row['aggminitval'] === null ? null : [row['aggminitval'] as string],
      SORTOP: row['sort_operator'],
      HYPOTHETICAL: row['aggkind'] === 'h',
      PARALLEL: PARALLEL[said(row['proparallel'])],
    }),
    facts: stated({
      name: row['proname'],
      signature: row['signature'] === '' ? '*' : row['signature'],
      owner: row['owner'],
    }),
    addresses: [address('pg_proc', row['oid'])],
    needs: [objectId('schema', schema)],
  }
}

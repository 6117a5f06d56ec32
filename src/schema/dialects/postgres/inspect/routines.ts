/** Functions and procedures, by the server's own definition; what can be replaced in place is told by facts. */
import type { Json } from '../../../snapshot/canonical.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, notMember, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { said } from '../said.ts'

/** SQL: the types of the arguments that a call names, as they stand in an id. */
export const ARGUMENT_TYPES = `array_to_string(array(select format_type(t.type, null)
  from unnest(p.proargtypes) with ordinality t(type, at) order by t.at), ', ')`

/** SQL: a function that the server made together with another object, e.g. the constructor of a range. */
const MADE_WITH_ANOTHER = `exists (select from pg_depend d where d.classid = 1255::oid and d.objid = p.oid and d.deptype = 'i')`

export const routines: Reader = {
  catalogue: 'pg_proc',
  sql: () => `select p.oid, ours.name as schema, p.proname, p.prokind, ${ARGUMENT_TYPES} as types,
    pg_get_function_identity_arguments(p.oid) as signature, pg_get_functiondef(p.oid) as definition,
    format('CREATE OR REPLACE %s %I.%I(', case p.prokind when 'p' then 'PROCEDURE' else 'FUNCTION' end, n.nspname,
      p.proname) as beginning,
    pg_get_function_result(p.oid) as result, p.proargnames, p.proargmodes, p.pronargdefaults,
    pg_get_userbyid(p.proowner) as owner, r.typrelid as returns_relation,
    p.prosqlbody is not null as atomic
    from pg_proc p join ours on ours.oid = p.pronamespace join pg_namespace n on n.oid = p.pronamespace
    join pg_type r on r.oid = p.prorettype
    where p.prokind <> 'a' and ${notMember('pg_proc', 'p.oid')} and not ${MADE_WITH_ANOTHER}`,
  read: (rows) => ({ found: rows.map(routine) }),
}

function routine(row: ReaderRow): Found {
  const schema = said(row['schema'])
  const [definition, beginning] = [said(row['definition']), said(row['beginning'])]
  return {
    kind: row['prokind'] === 'p' ? 'procedure' : 'function',
    name: [schema, `${said(row['proname'])}(${said(row['types'])})`],
    parent: null,
    properties: {
      // From the parenthesis of the arguments on.
      definition: definition.startsWith(beginning)
        ? definition.slice(beginning.length - 1).trimEnd()
        : definition,
    },
    facts: stated({
      name: row['proname'],
      signature: row['signature'],
      window: row['prokind'] === 'w',
      result: row['result'],
      argumentNames: inputs(row),
      outputs: outputs(row),
      defaults: row['pronargdefaults'],
      owner: row['owner'],
      atomic: row['atomic'],
    }),
    addresses: [address('pg_proc', row['oid'])],
    needs: [objectId('schema', schema)],
  }
}

const OUTPUT_ONLY = new Set(['o', 't'])

function modes(row: ReaderRow): readonly string[] {
  return Array.isArray(row['proargmodes']) ? row['proargmodes'].map(String) : []
}

function inputs(row: ReaderRow): Json {
  const names = Array.isArray(row['proargnames']) ? row['proargnames'] : []
  const all = modes(row)
  return names.filter((_, at) => !OUTPUT_ONLY.has(all[at] ?? 'i'))
}

function outputs(row: ReaderRow): Json {
  const names = Array.isArray(row['proargnames']) ? row['proargnames'] : []
  return modes(row).flatMap((mode, at) => (mode === 'i' || mode === 'v' ? [] : [[mode, names[at] ?? '']]))
}

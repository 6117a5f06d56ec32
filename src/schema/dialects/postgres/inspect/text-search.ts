/** Text search: parsers, templates, dictionaries, configurations. */
import type { Json } from '../../../snapshot/canonical.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, notMember, stated, type CLASS, type Reader, type ReaderRow } from './reader.ts'
import { said } from '../said.ts'

/** Names are qualified unless they are the server's own. */
const NAMED = (schema: string, name: string): string =>
  `case when ${schema} = 'pg_catalog' then quote_ident(${name}) else format('%I.%I', ${schema}, ${name}) end`

function functionName(column: string, word: string): string {
  return `case when x.${column} <> 0 then x.${column}::regproc::text end as "${word}"`
}

interface Source {
  readonly kind: string
  readonly catalogue: keyof typeof CLASS
  readonly prefix: string
  readonly columns: string
  readonly joins?: string
  readonly properties: (row: ReaderRow) => Readonly<Record<string, Json | undefined>>
}

function textSearchReader({ kind, catalogue, prefix, columns, joins, properties }: Source): Reader {
  return {
    catalogue,
    sql: () => `select x.oid, ours.name as schema, x.${prefix}name as name, ${columns}
      from ${catalogue} x join ours on ours.oid = x.${prefix}namespace ${joins ?? ''} where ${notMember(catalogue, 'x.oid')}`,
    read: (rows) => ({
      found: rows.map((row) => ({
        kind,
        name: [said(row['schema']), said(row['name'])],
        parent: null,
        properties: stated(properties(row)),
        addresses: [address(catalogue, row['oid'])],
        needs: [objectId('schema', said(row['schema']))],
      })),
    }),
  }
}

const picked =
  (...names: string[]) =>
  (row: ReaderRow): Record<string, Json | undefined> =>
    Object.fromEntries(names.map((name) => [name, row[name]]))

const PARSER = ['START', 'GETTOKEN', 'END', 'HEADLINE', 'LEXTYPES']
const PARSER_COLUMNS = ['prsstart', 'prstoken', 'prsend', 'prsheadline', 'prslextype']

export const textSearchParsers = textSearchReader({
  kind: 'text_search_parser',
  catalogue: 'pg_ts_parser',
  prefix: 'prs',
  columns: PARSER.map((word, at) => functionName(PARSER_COLUMNS[at] as string, word)).join(', '),
  properties: picked(...PARSER),
})

export const textSearchTemplates = textSearchReader({
  kind: 'text_search_template',
  catalogue: 'pg_ts_template',
  prefix: 'tmpl',
  columns: `${functionName('tmplinit', 'INIT')}, ${functionName('tmpllexize', 'LEXIZE')}`,
  properties: picked('INIT', 'LEXIZE'),
})

export const textSearchDictionaries = textSearchReader({
  kind: 'text_search_dictionary',
  catalogue: 'pg_ts_dict',
  prefix: 'dict',
  columns: `x.dictinitoption as options, ${NAMED('tn.nspname', 't.tmplname')} as template`,
  joins: 'join pg_ts_template t on t.oid = x.dicttemplate join pg_namespace tn on tn.oid = t.tmplnamespace',
  properties: picked('template', 'options'),
})

export const textSearchConfigurations = textSearchReader({
  kind: 'text_search_configuration',
  catalogue: 'pg_ts_config',
  prefix: 'cfg',
  columns: `${NAMED('pn.nspname', 'p.prsname')} as parser,
    (select json_object_agg(m.alias, m.dictionaries) from (select tt.alias,
      json_agg(${NAMED('dn.nspname', 'd.dictname')} order by m.mapseqno) as dictionaries
      from pg_ts_config_map m join ts_token_type(x.cfgparser) tt on tt.tokid = m.maptokentype
      join pg_ts_dict d on d.oid = m.mapdict join pg_namespace dn on dn.oid = d.dictnamespace
      where m.mapcfg = x.oid group by tt.alias) m) as mappings`,
  joins: 'join pg_ts_parser p on p.oid = x.cfgparser join pg_namespace pn on pn.oid = p.prsnamespace',
  properties: picked('parser', 'mappings'),
})

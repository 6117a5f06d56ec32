/** Statistics objects: what the planner knows of several columns together. */
import { said } from '../said.ts'
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, notMember, stated, type Reader } from './reader.ts'
import { canonicalText } from './text.ts'

export const statistics: Reader = {
  catalogue: 'pg_statistic_ext',
  sql: () => `select s.oid, ours.name as schema, s.stxname, rel.kind, rel.schema as table_schema, rel.name as table_name,
    pg_get_statisticsobjdef(s.oid) as definition, format('CREATE STATISTICS %I.%I', n.nspname, s.stxname) as beginning,
    case when s.stxstattarget >= 0 then s.stxstattarget end as target
    from pg_statistic_ext s join ours on ours.oid = s.stxnamespace join pg_namespace n on n.oid = s.stxnamespace
    join rel on rel.oid = s.stxrelid where ${notMember('pg_statistic_ext', 's.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => {
      const [definition, beginning] = [said(row['definition']), said(row['beginning'])]
      return {
        kind: 'statistics',
        name: [said(row['schema']), said(row['stxname'])],
        parent: objectId(said(row['kind']), said(row['table_schema']), said(row['table_name'])),
        properties: stated({
          definition: canonicalText(
            definition.startsWith(beginning) ? definition.slice(beginning.length).trim() : definition,
          ),
          target: row['target'] === null ? null : said(row['target']),
        }),
        addresses: [address('pg_statistic_ext', row['oid'])],
        needs: [objectId('schema', said(row['schema']))],
      }
    }),
  }),
}

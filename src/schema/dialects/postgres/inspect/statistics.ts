/** Statistics objects: what the planner knows of several columns together. */
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, notMember, stated, type Reader } from './reader.ts'
import { canonicalText } from './text.ts'

export const statistics: Reader = {
  name: 'statistics_objects',
  sql: () => `select s.oid, ours.name as schema, s.stxname, rel.kind, rel.schema as table_schema, rel.name as table_name,
    pg_get_statisticsobjdef(s.oid) as definition, format('CREATE STATISTICS %I.%I', n.nspname, s.stxname) as beginning,
    case when s.stxstattarget >= 0 then s.stxstattarget end as target
    from pg_statistic_ext s join ours on ours.oid = s.stxnamespace join pg_namespace n on n.oid = s.stxnamespace
    join rel on rel.oid = s.stxrelid where ${notMember('pg_statistic_ext', 's.oid')}`,
  read: (rows) => ({
    found: rows.map((row) => {
      const [definition, beginning] = [String(row['definition']), String(row['beginning'])]
      return {
        kind: 'statistics',
        name: [String(row['schema']), String(row['stxname'])],
        parent: objectId(String(row['kind']), String(row['table_schema']), String(row['table_name'])),
        properties: stated({
          definition: canonicalText(
            definition.startsWith(beginning) ? definition.slice(beginning.length).trim() : definition,
          ),
          target: row['target'] === null ? null : String(row['target']),
        }),
        addresses: [address('pg_statistic_ext', row['oid'])],
        needs: [objectId('schema', String(row['schema']))],
      }
    }),
  }),
}

/** Schemas: what holds everything else. A masked one is not told: it is there. */
import { said } from '../said.ts'
import { MASKED_SCHEMA } from '../../../snapshot/snapshot.ts'
import { address, type Reader } from './reader.ts'

export const schemas: Reader = {
  sql: () => `select ours.oid, ours.name, pg_get_userbyid(n.nspowner) as owner
    from ours join pg_namespace n on n.oid = ours.oid`,
  read: (rows) => ({
    found: rows
      .map((row) => ({
        kind: 'schema',
        name: [said(row['name'])],
        parent: null,
        properties: {},
        facts: { owner: row['owner'] ?? null },
        addresses: [address('pg_namespace', row['oid'])],
      }))
      .filter(({ name }) => name[0] !== MASKED_SCHEMA),
  }),
}

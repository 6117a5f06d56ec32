/** Who did what. */
import { z } from 'zod'
import { listAudit, verifyAudit } from '../control/audit.ts'
import { TenantryError } from '../lib/errors.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { defineEndpoint } from './endpoint.ts'
import { anyObject, cursorText, integerText, pageLimit, pageOf, timestamp } from './fields.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'It is 64 hexadecimal digits.')
const filterText = z.string().min(1).max(300).optional()

const AuditEntry = z
  .object({
    seq: z.int(),
    at: timestamp,
    actor: z.string(),
    address: z.string().nullable(),
    action: z.string().describe('The endpoint, by its operationId.'),
    target: z.string().nullable(),
    reason: z.string().nullable(),
    request_id: z.string().nullable(),
    outcome: z.string().describe('`ok` or the code of the error.'),
    detail: anyObject,
    hash,
  })
  .meta({ id: 'AuditEntry' })

const list = defineEndpoint({
  id: 'audit.list',
  method: 'GET',
  path: '/audit',
  summary: 'The audit log, newest first',
  tag: 'Audit',
  scope: 'admin',
  query: {
    actor: filterText,
    action: filterText,
    target: filterText,
    limit: pageLimit(),
    cursor: cursorText,
  },
  status: 200,
  output: pageOf(AuditEntry),
  async run({ control }, { query: { limit, cursor, ...filter } }) {
    const beforeSeq = decodeCursor(z.int(), filter, cursor)
    const rows = await listAudit(control, { ...filter, beforeSeq, limit })
    const end = rows.at(-1)
    return {
      items: rows.map((row) => ({ ...row, hash: row.hash.toString('hex') })),
      next_cursor: end === undefined || rows.length < limit ? null : encodeCursor(filter, end.seq),
    }
  },
})

const verify = defineEndpoint({
  id: 'audit.verify',
  method: 'GET',
  path: '/audit/verify',
  summary: 'Check that nobody changed the audit log',
  description:
    'Recomputes the chain of hashes over the whole log. Keep `head` outside and give it back later as `seq` and ' +
    '`hash`: then a log that was cut off or rewritten as a whole is found too.',
  tag: 'Audit',
  scope: 'admin',
  query: { seq: integerText({ min: 1, max: Number.MAX_SAFE_INTEGER }).optional(), hash: hash.optional() },
  status: 200,
  output: z
    .object({
      intact: z.boolean(),
      rows: z.int(),
      head: z.object({ seq: z.int(), hash }).nullable(),
      problem: z.object({ seq: z.int(), message: z.string() }).nullable(),
    })
    .meta({ id: 'AuditVerdict' }),
  async run({ control }, { query: { seq, hash: expectedHash } }) {
    if ((seq === undefined) !== (expectedHash === undefined)) {
      throw new TenantryError('invalid_input', 'The parameters seq and hash belong together.', {
        errors: [
          {
            pointer: seq === undefined ? '/query/seq' : '/query/hash',
            code: 'missing',
            message: 'Give both, or none.',
          },
        ],
      })
    }
    return verifyAudit(
      control,
      seq === undefined || expectedHash === undefined ? undefined : { seq, hash: expectedHash },
    )
  },
})

export const auditEndpoints = [list, verify] as const

/**
 * Who did what: an append-only log in which every row carries the hash of the row before, so that a changed,
 * added or missing row is found. A cut-off end is found by whoever has kept an earlier head.
 */
import { createHash } from 'node:crypto'
import { canonicalJson } from '../lib/canonical-json.ts'
import { findUnstorable, storableText } from '../lib/storable.ts'
import type { Control, Queryable } from './control.ts'

export interface AuditEntry {
  readonly actor: string
  readonly address?: string | undefined
  readonly action: string
  readonly target?: string | undefined
  readonly reason?: string | undefined
  readonly requestId?: string | undefined
  /** `ok` or the code of the error. */
  readonly outcome: string
  /** Facts without secrets. */
  readonly detail?: Record<string, unknown> | undefined
}

export interface AuditRow {
  readonly seq: number
  readonly at: Date
  readonly actor: string
  readonly address: string | null
  readonly action: string
  readonly target: string | null
  readonly reason: string | null
  readonly request_id: string | null
  readonly outcome: string
  readonly detail: Record<string, unknown>
  readonly hash: Buffer
}

const COLUMNS = 'seq, at, actor, address, action, target, reason, request_id, outcome, detail, hash'
/** Any constant: one writer at a time, so that the chain has no forks. */
const LOCK = 7_406_812_003
const GENESIS: Buffer = Buffer.alloc(32)
const VERIFY_PAGE = 2_000

/** Appends one row. */
export function appendAudit(control: Control, entry: AuditEntry): Promise<void> {
  return control.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [LOCK])
    // Milliseconds, because that is what is read back and hashed again.
    const [clock] = await tx.query<{ at: Date }>(`select date_trunc('milliseconds', clock_timestamp()) as at`)
    const [last] = await tx.query<{ seq: number; hash: Buffer }>(
      'select seq, hash from tenantry.audit_log order by seq desc limit 1',
    )
    if (clock === undefined) throw new Error('the clock returned no row')
    const row = rowOf(entry, (last?.seq ?? 0) + 1, clock.at)
    await tx.query(
      `insert into tenantry.audit_log (${COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      [
        row.seq,
        row.at,
        row.actor,
        row.address,
        row.action,
        row.target,
        row.reason,
        row.request_id,
        row.outcome,
        row.detail,
        hashOf(last?.hash ?? GENESIS, row),
      ],
    )
  })
}

function rowOf(entry: AuditEntry, seq: number, at: Date): Omit<AuditRow, 'hash'> {
  const text = (value: string | undefined): string | null =>
    value === undefined ? null : storableText(value)
  return {
    seq,
    at,
    actor: storableText(entry.actor),
    address: text(entry.address),
    action: entry.action,
    target: text(entry.target),
    reason: text(entry.reason),
    request_id: text(entry.requestId),
    outcome: entry.outcome,
    detail: detailOf(entry),
  }
}

/** A row must never fail because of what somebody sent. */
function detailOf(entry: AuditEntry): Record<string, unknown> {
  const bad = findUnstorable(entry.detail ?? {})
  return bad === undefined ? (entry.detail ?? {}) : { left_out: `${bad.pointer} ${bad.message}`.trim() }
}

function hashOf(previous: Buffer, row: Omit<AuditRow, 'hash'>): Buffer {
  const { seq, at, actor, address, action, target, reason, request_id, outcome, detail } = row
  const content = canonicalJson([
    seq,
    at,
    actor,
    address,
    action,
    target,
    reason,
    request_id,
    outcome,
    detail,
  ])
  return createHash('sha256').update(previous).update(content).digest()
}

export interface AuditFilter {
  readonly actor?: string | undefined
  readonly action?: string | undefined
  readonly target?: string | undefined
  readonly beforeSeq?: number | undefined
  readonly limit: number
}

/** Newest first. */
export function listAudit(on: Queryable, filter: AuditFilter): Promise<AuditRow[]> {
  return on.query<AuditRow>(
    `select ${COLUMNS} from tenantry.audit_log
     where ($1::bigint is null or seq < $1) and ($2::text is null or actor = $2)
       and ($3::text is null or action = $3) and ($4::text is null or target = $4)
     order by seq desc limit $5`,
    [
      filter.beforeSeq ?? null,
      filter.actor ?? null,
      filter.action ?? null,
      filter.target ?? null,
      filter.limit,
    ],
  )
}

export interface AuditVerdict {
  readonly intact: boolean
  readonly rows: number
  /** Keep it outside: given later as `expected`, it proves that nothing up to it was cut off or rewritten. */
  readonly head: { readonly seq: number; readonly hash: string } | null
  readonly problem: { readonly seq: number; readonly message: string } | null
}

/**
 * Recomputes the whole chain, in pages.
 * @param expected a head that an earlier verdict gave.
 */
export async function verifyAudit(
  on: Queryable,
  expected?: { readonly seq: number; readonly hash: string },
): Promise<AuditVerdict> {
  let previous = GENESIS
  let seq = 0
  const broken = (at: number, message: string): AuditVerdict => ({
    intact: false,
    rows: seq,
    head: seq === 0 ? null : { seq, hash: previous.toString('hex') },
    problem: { seq: at, message },
  })
  for (;;) {
    const rows = await on.query<AuditRow>(
      `select ${COLUMNS} from tenantry.audit_log where seq > $1 order by seq limit $2`,
      [seq, VERIFY_PAGE],
    )
    for (const row of rows) {
      if (row.seq !== seq + 1) return broken(seq + 1, `Row ${seq + 1} is missing.`)
      if (!hashOf(previous, row).equals(row.hash))
        return broken(row.seq, `Row ${row.seq} or its place was changed.`)
      if (row.seq === expected?.seq && row.hash.toString('hex') !== expected.hash) {
        return broken(row.seq, `Row ${row.seq} has another hash than expected: the log was rewritten.`)
      }
      previous = row.hash
      seq = row.seq
    }
    if (rows.length < VERIFY_PAGE) break
  }
  if (expected !== undefined && seq < expected.seq) {
    return broken(seq + 1, `The log ends at ${seq}, but had ${expected.seq} rows: its end was cut off.`)
  }
  return {
    intact: true,
    rows: seq,
    head: seq === 0 ? null : { seq, hash: previous.toString('hex') },
    problem: null,
  }
}

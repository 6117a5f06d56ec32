/** Adopting a tenant that is a MySQL database: see ../adopt-tenant.ts for what is the same everywhere. */
import { askEntries, askLock, qualified } from '../../schema/ledgers/find.ts'
import { decideAdoption, refusedAdoption, type Adoption } from '../adopt-decision.ts'
import {
  booksOf,
  chooseLedger,
  conflictWith,
  lookFor,
  textRows,
  unreadable,
  type AdoptWork,
  type TenantBooks,
} from '../adopt-ledger.ts'
import type { AdoptRequest } from '../kind.ts'
import { halfWay } from './failures.ts'
import { createLedger, insertRow, readBooks } from './ledger.ts'
import { TenantSession } from './tenant-session.ts'

const TIMEOUTS = { lockTimeoutMs: 5_000, statementTimeoutMs: 30_000 }

/** @throws DatabaseFailure when the tenant cannot be reached, or refuses; TN003 while it is changed, TN005 half way */
export async function adoptDatabase({ address, target, work }: AdoptRequest): Promise<Adoption> {
  const { database } = target
  const elsewhere = work.place?.schema
  if (elsewhere !== undefined && elsewhere !== database) {
    const note = `A ledger in ${elsewhere} is not read: a tenant is one database here, ${database}`
    return refusedAdoption('failed', note)
  }
  const session = await TenantSession.open({
    address,
    database,
    rolloutId: work.operationId,
    timeouts: TIMEOUTS,
  })
  try {
    const read = await readTenant(session, work)
    if ('outcome' in read) return read
    const adoption = decideAdoption(work.versions, read.match, read.recorded)
    if (work.dryRun || adoption.outcome !== 'would_adopt') return adoption
    return await writeAdoption(session, work, adoption)
  } finally {
    await session.close()
  }
}

async function readTenant(session: TenantSession, work: AdoptWork): Promise<Adoption | TenantBooks> {
  const find = lookFor('mysql', work, session.database)
  const chosen = chooseLedger('mysql', work, textRows(await session.query(find)))
  if ('outcome' in chosen) return chosen
  const recorded = await recordedIn(session)
  const { found, lock } = chosen
  const tables = lock === undefined ? [found] : [found, lock]
  // Held, they are what they are found to be then: until now a view could have come into their place.
  await session.query(`LOCK TABLES ${tables.map((table) => `${qualified(table)} READ`).join(', ')}`)
  try {
    const again = chooseLedger('mysql', work, textRows(await session.query(find)))
    if ('outcome' in again || qualified(again.found) !== qualified(found)) return unreadable(found)
    const entries = textRows(await session.query(askEntries(found)))
    const locked = lock === undefined ? [] : await session.query(askLock(found, lock))
    return booksOf(work, chosen, { entries, isLocked: locked.length > 0, recorded })
  } finally {
    await session.query('UNLOCK TABLES')
  }
}

async function recordedIn(session: TenantSession): Promise<Map<string, string>> {
  const { ledger, steps } = await readBooks(session)
  if (steps[0] !== undefined) throw halfWay(steps[0])
  return new Map([...ledger].map(([version, { checksum }]) => [version, checksum]))
}

async function writeAdoption(session: TenantSession, work: AdoptWork, adoption: Adoption): Promise<Adoption> {
  await createLedger(session)
  await session.query('START TRANSACTION')
  let isKept = false
  try {
    for (const version of adoption.versions) {
      await session.query(
        `${insertRow(version, work.operationId)} ON DUPLICATE KEY UPDATE version_id = VALUES(version_id)`,
      )
    }
    const conflict = conflictWith(adoption, await recordedIn(session))
    if (conflict !== undefined) return conflict
    await session.query('COMMIT')
    isKept = true
    return { ...adoption, outcome: 'adopted' }
  } finally {
    if (!isKept) await session.query('ROLLBACK')
  }
}

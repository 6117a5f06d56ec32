/** Adopting a tenant that is a SQLite file: see ../adopt-tenant.ts for what is the same everywhere. */
import type { SqliteFile } from '../../engine/sqlite-file.ts'
import { askEntries, askLock } from '../../schema/ledgers/find.ts'
import { decideAdoption, refusedAdoption, type Adoption } from '../adopt-decision.ts'
import {
  booksOf,
  chooseLedger,
  lookFor,
  textRows,
  type AdoptWork,
  type TenantBooks,
} from '../adopt-ledger.ts'
import { insertRow, readLedger } from './ledger.ts'

const OWN_SCHEMA = 'main'

/** @throws DatabaseFailure */
export function adoptFile(file: SqliteFile, work: AdoptWork): Adoption {
  const elsewhere = work.place?.schema
  if (elsewhere !== undefined && elsewhere !== OWN_SCHEMA) {
    return refusedAdoption(
      'failed',
      `There is no ${elsewhere} here: a tenant is one file, whose tables are in main`,
    )
  }
  // The write lock is taken first where rows are to be written: nobody changes the file between looking and writing.
  file.run(work.dryRun ? 'BEGIN' : 'BEGIN IMMEDIATE')
  try {
    const read = readFile(file, work)
    if ('outcome' in read) return read
    const adoption = decideAdoption(work.versions, read.match, read.recorded)
    if (work.dryRun || adoption.outcome !== 'would_adopt') return adoption
    for (const { versionId, checksum } of adoption.versions) {
      insertRow(file, versionId, { checksum, rolloutId: work.operationId })
    }
    file.run('COMMIT')
    return { ...adoption, outcome: 'adopted' }
  } finally {
    if (file.inTransaction) file.run('ROLLBACK')
  }
}

function readFile(file: SqliteFile, work: AdoptWork): Adoption | TenantBooks {
  const chosen = chooseLedger('sqlite', work, textRows(file.run(lookFor('sqlite', work, OWN_SCHEMA))))
  if ('outcome' in chosen) return chosen
  const { found, lock } = chosen
  const entries = textRows(file.run(askEntries(found)))
  const isLocked = lock !== undefined && file.run(askLock(found, lock)).length > 0
  return booksOf(work, chosen, { entries, isLocked, recorded: recordedIn(file) })
}

function recordedIn(file: SqliteFile): Map<string, string> {
  return new Map([...readLedger(file)].map(([version, { checksum }]) => [version, checksum]))
}

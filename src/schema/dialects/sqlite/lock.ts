/**
 * One lock per tenant that ends with its holder, however that ends: an exclusive transaction on an empty SQLite file
 * beside the tenant's. The tenant's own file stays free for its users.
 */
import { existsSync, rmSync, statSync } from 'node:fs'
import { DatabaseFailure } from '../../../engine/failure.ts'
import { SqliteFile } from '../../../engine/sqlite-file.ts'
import type { SchemaSession } from '../dialect.ts'

const SUFFIX = '-tenantry-lock'

/** What gives the lock back, by the session that has it. */
const held = new WeakMap<SchemaSession, () => void>()

/** @returns false when another session holds it; true also when this one has it already */
export async function lock(session: SchemaSession): Promise<boolean> {
  if (held.has(session) || session.label === ':memory:') return true
  const path = `${session.label}${SUFFIX}`
  for (;;) {
    const taken = take(path)
    if (taken === 'held elsewhere') return false
    if (taken === 'replaced') continue
    held.set(session, taken)
    return true
  }
}

/** Gives it back, if the session has it. */
export function unlock(session: SchemaSession): void {
  held.get(session)?.()
  held.delete(session)
}

/** Who lets go removes the file while holding the lock: one that was opened before that is not the file any more. */
function take(path: string): (() => void) | 'held elsewhere' | 'replaced' {
  const before = existsSync(path) ? statSync(path).ino : undefined
  const file = SqliteFile.open(path, { busyMs: 0, create: true })
  try {
    file.run('BEGIN EXCLUSIVE')
  } catch (thrown) {
    file.close()
    if (thrown instanceof DatabaseFailure && thrown.sqlstate === '55P03') return 'held elsewhere'
    throw thrown
  }
  const after = existsSync(path) ? statSync(path).ino : undefined
  if (before === undefined || before !== after) {
    file.close()
    return 'replaced'
  }
  return () => {
    rmSync(path, { force: true })
    file.close()
  }
}

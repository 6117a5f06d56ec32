/** The token that is there after the first start, in a file that only its owner can read. */
import { randomUUID } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import { TenantryError, messageOf } from '../lib/errors.ts'
import type { Control, Queryable } from './control.ts'
import { checkToken, createToken } from './tokens.ts'

/** Any constant: lets one process at a time look and make. */
const LOCK = 7_406_812_002

/**
 * Makes sure that `tokenFile` holds a token with the scope `admin` that works on this control database. A file that
 * was lost, or belongs to another control database, is made anew and the token that it held before is revoked.
 * Safe when many processes start at once.
 * @returns whether a token was made now.
 * @throws TenantryError `invalid_config` when the file cannot be used or others can read it.
 */
export async function ensureFirstToken(control: Control, tokenFile: string): Promise<{ made: boolean }> {
  return control.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [LOCK])
    const kept = await readTokenFile(tokenFile)
    if (kept !== undefined && (await checkToken(tx, kept)).ok) return { made: false }
    // The commit may still fail: then the file holds a token that does not work, and the next start makes a new one.
    await replaceTokenFile(tokenFile, await renewToken(tx, tokenFile))
    return { made: true }
  })
}

async function renewToken(tx: Queryable, tokenFile: string): Promise<string> {
  const name = `first start on ${hostname()}: ${resolve(tokenFile)}`
  await tx.query(
    'update tenantry.api_tokens set revoked_at = clock_timestamp() where name = $1 and revoked_at is null',
    [name],
  )
  const made = await createToken(tx, { name, scopes: ['admin'], kind: 'admin', expiresAt: null })
  return made.token
}

/**
 * @returns the token in the file, or undefined when there is no file.
 * @throws TenantryError `invalid_config` when it cannot be read, or can be read by others.
 */
export async function readTokenFile(tokenFile: string): Promise<string | undefined> {
  try {
    const facts = await stat(tokenFile)
    if ((facts.mode & 0o077) !== 0) {
      throw new TenantryError('invalid_config', `The token file ${tokenFile} can be read by others.`, {
        nextSteps: [`Run: chmod 600 ${tokenFile}`, 'If others may have read it, revoke the token.'],
      })
    }
    return (await readFile(tokenFile, 'utf8')).trim()
  } catch (error) {
    if (error instanceof TenantryError) throw error
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw unusable(tokenFile, error)
  }
}

/** Written beside it, flushed, then renamed: a reader sees the old file or the whole new one. */
async function replaceTokenFile(tokenFile: string, token: string): Promise<void> {
  const draft = `${tokenFile}.${randomUUID()}`
  try {
    await mkdir(dirname(tokenFile), { recursive: true, mode: 0o700 })
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${token}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, tokenFile)
  } catch (error) {
    await rm(draft, { force: true })
    throw unusable(tokenFile, error)
  }
}

function unusable(tokenFile: string, cause: unknown): TenantryError {
  return new TenantryError(
    'invalid_config',
    `The token file ${tokenFile} cannot be used: ${messageOf(cause)}`,
    {
      nextSteps: ['Point TENANTRY_TOKEN_FILE to a place that this user can write.'],
      cause,
    },
  )
}

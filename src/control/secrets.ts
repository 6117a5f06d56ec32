/**
 * Secrets at rest: AES-256-GCM under data keys that the database holds only encrypted; the key that opens those
 * (32 bytes, base64) stays in a file outside. A sealed value is bound to its owner and purpose: put under another
 * owner it does not open.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { TenantryError, messageOf } from '../lib/errors.ts'
import type { Queryable } from './control.ts'

const IV_BYTES = 12
const TAG_BYTES = 16
const KEY_BYTES = 32

export interface Keyring {
  /** Stores `plaintext` for an owner (e.g. `server:12`) and purpose (e.g. `password`), replacing what was there. */
  put(on: Queryable, owner: string, purpose: string, plaintext: string): Promise<void>
  /** Takes away what is there, if anything is. */
  remove(on: Queryable, owner: string, purpose: string): Promise<void>
  /** @returns the secret, or undefined when none is stored. @throws TenantryError when it does not open. */
  get(on: Queryable, owner: string, purpose: string): Promise<string | undefined>
}

/**
 * Reads the key file, making it (mode 0600) on first start.
 * @throws TenantryError `invalid_config` for a file that is not a key or that others can read.
 */
export async function openKeyring(keyFile: string): Promise<Keyring> {
  const masterKey = await readOrMakeKey(keyFile)
  const fingerprint = createHash('sha256').update(masterKey).digest('hex').slice(0, 16)
  const dataKeys = new Map<number, Buffer>()

  const unwrap = async (on: Queryable, id: number): Promise<Buffer> => {
    const known = dataKeys.get(id)
    if (known !== undefined) return known
    const [row] = await on.query<{ wrapped: Buffer; key_fingerprint: string }>(
      'select wrapped, key_fingerprint from tenantry.data_keys where id = $1',
      [id],
    )
    if (row?.key_fingerprint !== fingerprint) throw wrongKey(keyFile, row?.key_fingerprint, fingerprint)
    const key = unseal(masterKey, row.wrapped, 'data key')
    dataKeys.set(id, key)
    return key
  }

  const currentDataKey = async (on: Queryable): Promise<number> => {
    const [row] = await on.query<{ id: number; key_fingerprint: string }>(
      'select id, key_fingerprint from tenantry.data_keys order by id desc limit 1',
    )
    if (row !== undefined) {
      if (row.key_fingerprint !== fingerprint) throw wrongKey(keyFile, row.key_fingerprint, fingerprint)
      return row.id
    }
    const [made] = await on.query<{ id: number }>(
      'insert into tenantry.data_keys (wrapped, key_fingerprint) values ($1, $2) returning id',
      [seal(masterKey, randomBytes(KEY_BYTES), 'data key'), fingerprint],
    )
    if (made === undefined) throw new Error('insert returned no row')
    return made.id
  }

  return {
    async put(on, owner, purpose, plaintext) {
      const id = await currentDataKey(on)
      const sealed = seal(await unwrap(on, id), Buffer.from(plaintext), `${owner}\0${purpose}`)
      await on.query(
        `insert into tenantry.secrets (owner, purpose, data_key_id, sealed) values ($1, $2, $3, $4)
         on conflict (owner, purpose) do update
         set data_key_id = excluded.data_key_id, sealed = excluded.sealed, updated_at = now()`,
        [owner, purpose, id, sealed],
      )
    },
    async remove(on, owner, purpose) {
      await on.query('delete from tenantry.secrets where owner = $1 and purpose = $2', [owner, purpose])
    },
    async get(on, owner, purpose) {
      const [row] = await on.query<{ data_key_id: number; sealed: Buffer }>(
        'select data_key_id, sealed from tenantry.secrets where owner = $1 and purpose = $2',
        [owner, purpose],
      )
      if (row === undefined) return undefined
      return unseal(await unwrap(on, row.data_key_id), row.sealed, `${owner}\0${purpose}`).toString()
    },
  }
}

function seal(key: Buffer, plaintext: Buffer, boundTo: string): Buffer {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(boundTo))
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

function unseal(key: Buffer, sealed: Buffer, boundTo: string): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, IV_BYTES))
      .setAAD(Buffer.from(boundTo))
      .setAuthTag(sealed.subarray(-TAG_BYTES))
    return Buffer.concat([decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()])
  } catch (cause) {
    throw new TenantryError(
      'internal',
      'A stored secret does not open: it was changed, or belongs to something else.',
      {
        nextSteps: ['Store the credential again, and find out who wrote to the control database.'],
        cause,
      },
    )
  }
}

async function readOrMakeKey(keyFile: string): Promise<Buffer> {
  try {
    await mkdir(dirname(keyFile), { recursive: true, mode: 0o700 })
    if (!existsSync(keyFile)) await makeKey(keyFile)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST'))
      throw unreadableKey(keyFile, error)
  }
  const [text, facts] = await Promise.all([readFile(keyFile, 'utf8'), stat(keyFile)]).catch(
    (error: unknown) => {
      throw unreadableKey(keyFile, error)
    },
  )
  if ((facts.mode & 0o077) !== 0) {
    throw new TenantryError('invalid_config', `The key file ${keyFile} can be read by others.`, {
      nextSteps: [`Run: chmod 600 ${keyFile}`],
    })
  }
  const key = Buffer.from(text.trim(), 'base64')
  if (key.length !== KEY_BYTES) {
    throw new TenantryError('invalid_config', `The key file ${keyFile} does not hold 32 bytes in base64.`, {
      nextSteps: ['Make one with: head -c 32 /dev/urandom | base64'],
    })
  }
  return key
}

/** Written beside it and then linked: whoever sees the file sees the whole key, and the first one stays. */
async function makeKey(keyFile: string): Promise<void> {
  const draft = `${keyFile}.${randomUUID()}`
  try {
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`${randomBytes(KEY_BYTES).toString('base64')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, keyFile)
  } finally {
    await rm(draft, { force: true })
  }
}

function unreadableKey(keyFile: string, cause: unknown): TenantryError {
  return new TenantryError('invalid_config', `The key file ${keyFile} cannot be used: ${messageOf(cause)}`, {
    cause,
  })
}

function wrongKey(keyFile: string, stored: string | undefined, ours: string): TenantryError {
  return new TenantryError(
    'invalid_config',
    `The key in ${keyFile} (${ours}) is not the one that sealed the secrets (${stored ?? 'none'}).`,
    {
      nextSteps: ['Point TENANTRY_SECRET_KEY_FILE to the key file of this control database.'],
    },
  )
}

/**
 * API tokens: `tnt_<kind>_<256 random bits in base62>_<CRC-32 in base62>`. Only the SHA-256 is stored: a random
 * secret of 256 bits needs no slow hash. The checksum lets typing errors be refused without asking the database,
 * and scanners recognise a leaked token.
 */
import { createHash, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { TenantryError } from '../lib/errors.ts'
import type { Queryable } from './control.ts'

export type TokenKind = 'admin' | 'api'

export interface TokenRow {
  readonly id: number
  readonly name: string
  /** Prefix and last four characters: enough to recognise, useless to log in. */
  readonly hint: string
  readonly scopes: readonly string[]
  readonly created_at: Date
  readonly expires_at: Date | null
  readonly last_used_at: Date | null
  readonly revoked_at: Date | null
}

export interface NewToken {
  readonly name: string
  readonly scopes: readonly string[]
  readonly kind: TokenKind
  /** Null: it does not expire. */
  readonly expiresAt: Date | null
}

const COLUMNS = 'id, name, hint, scopes, created_at, expires_at, last_used_at, revoked_at'
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const SECRET_BYTES = 32
/** 62^43 > 2^256 and 62^6 > 2^32. */
const SECRET_LENGTH = 43
const CHECKSUM_LENGTH = 6
const FORM = /^(tnt_[a-z]{1,10}_[0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/

/** Makes a token. @returns the token itself, which nothing can show again, and its row. */
export async function createToken(
  on: Queryable,
  wanted: NewToken,
): Promise<{ token: string; row: TokenRow }> {
  const token = newToken(wanted.kind)
  const hint = `tnt_${wanted.kind}_…${token.slice(-4)}`
  const [row] = await on.query<TokenRow>(
    `insert into tenantry.api_tokens (name, hint, sha256, scopes, expires_at)
     values ($1, $2, $3, $4, $5) returning ${COLUMNS}`,
    [wanted.name, hint, digest(token), wanted.scopes, wanted.expiresAt],
  )
  if (row === undefined) throw new Error('insert returned no row')
  return { token, row }
}

function newToken(kind: TokenKind): string {
  const secret = BigInt(`0x${randomBytes(SECRET_BYTES).toString('hex')}`)
  const body = `tnt_${kind}_${base62(secret, SECRET_LENGTH)}`
  return `${body}_${checksum(body)}`
}

function checksum(body: string): string {
  return base62(BigInt(crc32(body)), CHECKSUM_LENGTH)
}

function base62(value: bigint, length: number): string {
  let text = ''
  for (let rest = value; text.length < length; rest /= 62n) text = ALPHABET.charAt(Number(rest % 62n)) + text
  return text
}

function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** Newest first. */
export function listTokens(
  on: Queryable,
  page: { readonly beforeId?: number | undefined; readonly limit: number },
): Promise<TokenRow[]> {
  return on.query<TokenRow>(
    `select ${COLUMNS} from tenantry.api_tokens where ($1::integer is null or id < $1) order by id desc limit $2`,
    [page.beforeId ?? null, page.limit],
  )
}

/** Ends a token at once; repeating it changes nothing. @throws TenantryError `not_found` */
export async function revokeToken(on: Queryable, id: number): Promise<void> {
  const rows = await on.query(
    `update tenantry.api_tokens set revoked_at = coalesce(revoked_at, clock_timestamp()) where id = $1 returning id`,
    [id],
  )
  if (rows.length === 0) {
    throw new TenantryError('not_found', `There is no token ${id}.`, {
      nextSteps: ['List them with: tenantry token list'],
    })
  }
}

export type TokenFailure = 'malformed' | 'unknown' | 'expired' | 'revoked'
export type TokenCheck =
  | { readonly ok: true; readonly row: TokenRow }
  | { readonly ok: false; readonly reason: TokenFailure }

/** True when `text` has the form of a token and its checksum fits: worth asking the database. */
export function looksLikeToken(text: string): boolean {
  const match = FORM.exec(text)
  return match?.[1] !== undefined && checksum(match[1]) === match[2]
}

/** What identifies a token inside a process without being usable as one. */
export function tokenFingerprint(token: string): string {
  return digest(token).toString('base64')
}

/**
 * Looks a presented token up by its hash, so that no comparison depends on how much of it is right, and notes the
 * use at most once a minute.
 */
export async function checkToken(on: Queryable, token: string): Promise<TokenCheck> {
  if (!looksLikeToken(token)) return { ok: false, reason: 'malformed' }
  const [found] = await on.query<TokenRow & { expired: boolean; stale: boolean }>(
    `select ${COLUMNS}, coalesce(expires_at <= clock_timestamp(), false) as expired,
       coalesce(last_used_at < clock_timestamp() - interval '1 minute', true) as stale
     from tenantry.api_tokens where sha256 = $1`,
    [digest(token)],
  )
  if (found === undefined) return { ok: false, reason: 'unknown' }
  const { expired, stale, ...row } = found
  if (row.revoked_at !== null) return { ok: false, reason: 'revoked' }
  if (expired) return { ok: false, reason: 'expired' }
  if (stale) {
    await on.query(
      `update tenantry.api_tokens set last_used_at = clock_timestamp()
       where id = $1 and (last_used_at is null or last_used_at < clock_timestamp() - interval '1 minute')`,
      [row.id],
    )
  }
  return { ok: true, row }
}

/** True while the token is neither revoked nor expired: what a long stream asks again and again. */
export async function isTokenLive(on: Queryable, id: number): Promise<boolean> {
  const rows = await on.query(
    `select from tenantry.api_tokens
     where id = $1 and revoked_at is null and (expires_at is null or expires_at > clock_timestamp())`,
    [id],
  )
  return rows.length > 0
}

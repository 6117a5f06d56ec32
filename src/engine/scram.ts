/**
 * SCRAM-SHA-256 (RFC 5802, RFC 7677) for PostgreSQL: the client's side of a login, and verifiers for new roles.
 * The derived keys are kept per password and salt, in memory only: a role has one salt, so a fleet of a thousand
 * databases on one server costs one key derivation (about 5 ms of CPU) instead of a thousand.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { TenantryError } from '../lib/errors.ts'

const deriveKey = promisify(pbkdf2)
const MAX_ITERATIONS = 1_000_000
const MAX_CACHED_KEYS = 10_000

interface ScramKeys {
  readonly clientKey: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
}

const cache = new Map<string, Promise<ScramKeys>>()

export interface ScramExchange {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-256-PLUS'
  /** Sent as the SASLInitialResponse. */
  readonly first: string
  /** Answer to the server's first message. */
  final(password: string, serverFirst: string): Promise<string>
  /** Proves that the server knows the password too. @throws TenantryError `server_refused` when it does not. */
  verify(serverFinal: string): void
}

/**
 * @param binding what binds the login to the connection (`tls-server-end-point`). `not offered`: this side could, the
 *   server did not say that it can, and refuses if somebody in between took that out. `unable`: this side cannot.
 */
export function startScram(binding: Buffer | 'not offered' | 'unable'): ScramExchange {
  const isBound = typeof binding !== 'string'
  const header = isBound ? 'p=tls-server-end-point,,' : binding === 'unable' ? 'n,,' : 'y,,'
  const channel = Buffer.concat([Buffer.from(header), isBound ? binding : Buffer.alloc(0)]).toString('base64')
  const nonce = randomBytes(18).toString('base64')
  const firstBare = `n=*,r=${nonce}`
  let expectedSignature: Buffer | undefined
  return {
    mechanism: isBound ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256',
    first: `${header}${firstBare}`,
    async final(password, serverFirst) {
      const { combinedNonce, salt, iterations } = parseServerFirst(serverFirst, nonce)
      const keys = await keysFor(password, salt, iterations)
      const withoutProof = `c=${channel},r=${combinedNonce}`
      const authMessage = `${firstBare},${serverFirst},${withoutProof}`
      const signature = hmac(keys.storedKey, authMessage)
      const proof = Buffer.from(keys.clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)))
      expectedSignature = hmac(keys.serverKey, authMessage)
      return `${withoutProof},p=${proof.toString('base64')}`
    },
    verify(serverFinal) {
      const signature = Buffer.from(attributeOf(serverFinal, 'v') ?? '', 'base64')
      if (
        expectedSignature === undefined ||
        signature.length !== expectedSignature.length ||
        !timingSafeEqual(signature, expectedSignature)
      ) {
        throw new TenantryError(
          'server_refused',
          'The server could not prove that it knows the password (SCRAM).',
          {
            nextSteps: [
              'Somebody may stand between Tenantry and the server: check the address and use sslmode=verify-full.',
            ],
          },
        )
      }
    },
  }
}

/**
 * The verifier PostgreSQL stores for a password, made here so that the password itself never reaches the server's
 * logs: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`.
 */
export async function scramVerifier(password: string, iterations = 4096): Promise<string> {
  const salt = randomBytes(16)
  const keys = await derive(password, salt, iterations)
  const part = (bytes: Buffer): string => bytes.toString('base64')
  return `SCRAM-SHA-256$${iterations}:${part(salt)}$${part(keys.storedKey)}:${part(keys.serverKey)}`
}

function keysFor(password: string, salt: string, iterations: number): Promise<ScramKeys> {
  const key = createHash('sha256').update(`${password}\0${salt}\0${iterations}`).digest('base64')
  const known = cache.get(key)
  if (known !== undefined) return known
  if (cache.size >= MAX_CACHED_KEYS) cache.delete(cache.keys().next().value ?? '')
  const made = derive(password, Buffer.from(salt, 'base64'), iterations)
  cache.set(key, made)
  made.catch(() => cache.delete(key))
  return made
}

async function derive(password: string, salt: Buffer, iterations: number): Promise<ScramKeys> {
  const salted = await deriveKey(prepare(password), salt, iterations, 32, 'sha256')
  const clientKey = hmac(salted, 'Client Key')
  return {
    clientKey,
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: hmac(salted, 'Server Key'),
  }
}

/** SASLprep (RFC 4013) as far as it changes bytes: other spaces become spaces, invisible characters go, NFKC. */
function prepare(password: string): string {
  return password
    .replace(/[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/gu, ' ')
    .replace(/\u00AD|\u034F|\u1806|[\u180B-\u180D]|\u200C|\u200D|\u2060|[\uFE00-\uFE0F]|\uFEFF/gu, '')
    .normalize('NFKC')
}

function parseServerFirst(
  message: string,
  clientNonce: string,
): { combinedNonce: string; salt: string; iterations: number } {
  const combinedNonce = attributeOf(message, 'r') ?? ''
  const salt = attributeOf(message, 's') ?? ''
  const iterations = Number(attributeOf(message, 'i'))
  const valid =
    combinedNonce.startsWith(clientNonce) &&
    combinedNonce.length > clientNonce.length &&
    salt !== '' &&
    Number.isInteger(iterations) &&
    iterations > 0 &&
    iterations <= MAX_ITERATIONS
  if (!valid) throw new TenantryError('server_refused', 'The server sent a login message that is not SCRAM.')
  return { combinedNonce, salt, iterations }
}

function attributeOf(message: string, name: string): string | undefined {
  return message
    .split(',')
    .find((part) => part.startsWith(`${name}=`))
    ?.slice(2)
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest()
}

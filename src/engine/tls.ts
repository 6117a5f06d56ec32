/** TLS towards a PostgreSQL server: how much of its certificate is checked, and what the checks say. */
import { isIP } from 'node:net'
import { checkServerIdentity, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { messageOf, TenantryError } from '../lib/errors.ts'
import type { ServerAddress } from './address.ts'

type TlsAddress = Pick<ServerAddress, 'host' | 'ssl' | 'sslRootCert'>

/**
 * As libpq reads `sslmode`: `require` asks for no certificate unless an authority is given, `verify-ca` for one that
 * the authority signed, `verify-full` also for one of this host.
 */
export function tlsOptions(address: TlsAddress): ConnectionOptions {
  const { host, ssl, sslRootCert } = address
  return {
    host,
    // A name only: addresses have no place in the field (RFC 6066).
    ...(isIP(host) === 0 ? { servername: host } : {}),
    rejectUnauthorized: ssl !== 'require' || sslRootCert !== undefined,
    checkServerIdentity: (_name, certificate) =>
      ssl === 'verify-full' ? checkServerIdentity(host, certificate) : undefined,
    ...(sslRootCert === undefined ? {} : { ca: sslRootCert }),
  }
}

/** The file of a URL's `sslrootcert`. @throws TenantryError `invalid_input` when it cannot be read */
export async function readAuthority(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new TenantryError('invalid_input', `The file of sslrootcert cannot be read: ${messageOf(cause)}`, {
      cause,
    })
  }
}

/** The failed check in words that name the setting, or undefined for an error of another kind. */
export function certificateProblem(error: Error, address: TlsAddress): string | undefined {
  const code = 'code' in error ? String(error.code) : ''
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `its certificate is for another host (${error.message}). Use the name in the certificate, or sslmode=verify-ca.`
  }
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(code))
    return `its certificate is not valid now (${error.message}).`
  if (!UNTRUSTED.test(code)) return undefined
  const authority =
    address.sslRootCert === undefined
      ? 'an authority that this machine trusts: give the one that signed it'
      : 'the authority that is registered with the server'
  return `its certificate does not come from ${authority} (${error.message}).`
}

const UNTRUSTED =
  /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|CRL_|INVALID_CA|PATH_LENGTH_EXCEEDED|ERROR_IN_CERT_)/

/** The hash by which a certificate's signature was made (RFC 5929, section 4.1), by the name of the algorithm. */
const SIGNATURE_HASH = /md5|sha1|sha224|sha256|sha384|sha512/i

/**
 * What binds a login to this very connection, for SCRAM-SHA-256-PLUS (`tls-server-end-point`): the hash of the
 * server's certificate. Undefined where the algorithm of its signature has no hash, e.g. Ed25519.
 */
export function endPointBinding(socket: TLSSocket): Buffer | undefined {
  const certificate = socket.getPeerX509Certificate()
  const hash = SIGNATURE_HASH.exec(certificate?.signatureAlgorithm ?? '')?.[0].toLowerCase()
  if (certificate === undefined || hash === undefined) return undefined
  return createHash(hash === 'md5' || hash === 'sha1' ? 'sha256' : hash)
    .update(certificate.raw)
    .digest()
}

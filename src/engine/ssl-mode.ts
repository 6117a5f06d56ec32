/** How a connection is encrypted, in the words of libpq. */
import type { TenantryError } from '../lib/errors.ts'

const SSL_MODES = ['disable', 'require', 'verify-ca', 'verify-full'] as const

export type SslMode = (typeof SSL_MODES)[number]

/**
 * The parameter `sslmode` of a URL; `disable` where there is none.
 * @param invalid the error for what is wrong with the URL
 */
export function readSslMode(value: string | null, invalid: (problem: string) => TenantryError): SslMode {
  const mode = value === null ? 'disable' : SSL_MODES.find((known) => known === value)
  if (mode !== undefined) return mode
  throw invalid(`has sslmode=${value}; Tenantry knows disable, require, verify-ca and verify-full`)
}

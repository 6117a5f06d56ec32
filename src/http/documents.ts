/** What describes the API: made once from the table of endpoints, open to everybody, as the code is. */
import type { AnyEndpoint } from '../api/endpoint.ts'

export function documents(_endpoints: readonly AnyEndpoint[]): AnyEndpoint[] {
  return []
}

/** Which servers can be reached by a pooler. */
import type { ServerKind } from '../engine/address.ts'
import { TenantryError } from '../lib/errors.ts'

/** @throws TenantryError `invalid_input` for a pooler that nothing would go by */
export function refusePooler(name: string, kind: ServerKind, pooler: object | null | undefined): void {
  if (kind === 'postgres' || pooler == null) return
  throw new TenantryError(
    'invalid_input',
    `Server ${name} is ${kind}: only PostgreSQL servers are reached by a pooler.`,
    { server: name, nextSteps: ['Leave the pooler out: rollouts connect to the server itself.'] },
  )
}

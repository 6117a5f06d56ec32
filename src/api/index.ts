/** Everything that can be asked. A new area adds its endpoints here and nowhere else. */
import { adoptEndpoints } from './adopt.ts'
import { auditEndpoints } from './audit.ts'
import { doctorEndpoints } from './doctor.ts'
import { driftEndpoints } from './drift.ts'
import type { AnyEndpoint } from './endpoint.ts'
import { healthEndpoints } from './health.ts'
import { metricsEndpoints } from './metrics.ts'
import { operationEndpoints } from './operations.ts'
import { rolloutStreamEndpoints } from './rollout-stream.ts'
import { rolloutEndpoints } from './rollouts.ts'
import { scheduleEndpoints } from './schedules.ts'
import { schemaEndpoints } from './schema.ts'
import { serverEndpoints } from './servers.ts'
import { simulateEndpoints } from './simulate.ts'
import { syncEndpoints } from './sync.ts'
import { tenantEndpoints } from './tenants.ts'
import { tokenEndpoints } from './tokens.ts'
import { versionEndpoints } from './versions.ts'

const all = [
  ...serverEndpoints,
  ...tenantEndpoints,
  ...adoptEndpoints,
  ...versionEndpoints,
  ...schemaEndpoints,
  ...rolloutEndpoints,
  ...rolloutStreamEndpoints,
  ...driftEndpoints,
  ...syncEndpoints,
  ...simulateEndpoints,
  ...operationEndpoints,
  ...scheduleEndpoints,
  ...tokenEndpoints,
  ...auditEndpoints,
  ...doctorEndpoints,
  ...healthEndpoints,
  ...metricsEndpoints,
]

type Known = (typeof all)[number]
export type EndpointId = Known['id']

export const ENDPOINTS: readonly AnyEndpoint[] = all

/** One endpoint with its full type, e.g. for the client: `client.call(endpointOf('tokens.list'))`. */
export function endpointOf<Id extends EndpointId>(id: Id): Extract<Known, { readonly id: Id }> {
  const found = all.find((endpoint) => endpoint.id === id)
  if (found === undefined) throw new Error(`there is no endpoint ${id}`)
  return found as Extract<Known, { readonly id: Id }>
}

/** Everything that can be asked. A new area adds its endpoints here and nowhere else. */
import { auditEndpoints } from './audit.ts'
import type { AnyEndpoint } from './endpoint.ts'
import { healthEndpoints } from './health.ts'
import { metricsEndpoints } from './metrics.ts'
import { operationEndpoints } from './operations.ts'
import { rolloutStreamEndpoints } from './rollout-stream.ts'
import { rolloutEndpoints } from './rollouts.ts'
import { scheduleEndpoints } from './schedules.ts'
import { serverEndpoints } from './servers.ts'
import { simulateEndpoints } from './simulate.ts'
import { tenantEndpoints } from './tenants.ts'
import { tokenEndpoints } from './tokens.ts'
import { versionEndpoints } from './versions.ts'

export const ENDPOINTS: readonly AnyEndpoint[] = [
  ...serverEndpoints,
  ...tenantEndpoints,
  ...versionEndpoints,
  ...rolloutEndpoints,
  ...rolloutStreamEndpoints,
  ...simulateEndpoints,
  ...operationEndpoints,
  ...scheduleEndpoints,
  ...tokenEndpoints,
  ...auditEndpoints,
  ...healthEndpoints,
  ...metricsEndpoints,
]

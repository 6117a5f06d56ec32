/** Everything that can be asked. A new area adds its endpoints here and nowhere else. */
import { auditEndpoints } from './audit.ts'
import type { AnyEndpoint } from './endpoint.ts'
import { healthEndpoints } from './health.ts'
import { metricsEndpoints } from './metrics.ts'
import { operationEndpoints } from './operations.ts'
import { scheduleEndpoints } from './schedules.ts'
import { tokenEndpoints } from './tokens.ts'

export const ENDPOINTS: readonly AnyEndpoint[] = [
  ...operationEndpoints,
  ...scheduleEndpoints,
  ...tokenEndpoints,
  ...auditEndpoints,
  ...healthEndpoints,
  ...metricsEndpoints,
]

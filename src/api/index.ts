/** Everything that can be asked. A new area adds its endpoints here and nowhere else. */
import type { AnyEndpoint } from './endpoint.ts'
import { healthEndpoints } from './health.ts'
import { metricsEndpoints } from './metrics.ts'

export const ENDPOINTS: readonly AnyEndpoint[] = [...healthEndpoints, ...metricsEndpoints]

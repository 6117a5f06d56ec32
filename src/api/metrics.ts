/** What Prometheus reads. */
import { z } from 'zod'
import { METRICS_CONTENT_TYPE, renderMetrics } from '../observability/metrics.ts'
import { defineEndpoint } from './endpoint.ts'

export const metricsEndpoints = [
  defineEndpoint({
    id: 'metrics.read',
    method: 'GET',
    path: '/metrics',
    summary: 'Metrics for Prometheus',
    description:
      'Give Prometheus a token of its own with the scope `metrics:read` (`authorization` in its scrape_config).',
    tag: 'Metrics',
    scope: 'metrics:read',
    isUncounted: true,
    status: 200,
    produces: METRICS_CONTENT_TYPE,
    output: z.string(),
    run: (app) => renderMetrics(app),
  }),
]

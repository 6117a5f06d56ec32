/**
 * Every metric that Tenantry exports, each defined once. No label has one value per tenant: tenants are shown by
 * the API, metrics are aggregates.
 */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets?: readonly number[]
}

export const CATALOGUE = {
  buildInfo: {
    type: 'gauge',
    name: 'tenantry_build_info',
    help: 'Always 1; the labels say which Tenantry and which Node run.',
    labels: ['version', 'node'],
  },
  httpRequestDuration: {
    type: 'histogram',
    name: 'tenantry_http_request_duration_seconds',
    help: 'How long the API took to answer, streams left out.',
    labels: ['route', 'method', 'code'],
    buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60],
  },
  authFailures: {
    type: 'counter',
    name: 'tenantry_auth_failures_total',
    help: 'Requests refused because of their token.',
    labels: ['reason'],
  },
  auditWriteFailures: {
    type: 'counter',
    name: 'tenantry_audit_write_failures_total',
    help: 'Audit rows that could not be stored; they are in the log of the API instead.',
    labels: [],
  },
  sseClients: {
    type: 'gauge',
    name: 'tenantry_sse_clients',
    help: 'Open streams of events.',
    labels: [],
  },
  sseDropped: {
    type: 'counter',
    name: 'tenantry_sse_dropped_total',
    help: 'Streams that the server ended: the reader was too slow, or its token ended.',
    labels: ['reason'],
  },
  collectorUp: {
    type: 'gauge',
    name: 'tenantry_collector_up',
    help: '1 when the values of this collector are fresh, 0 when it failed at this scrape.',
    labels: ['collector'],
  },
} as const satisfies Record<string, MetricDefinition>

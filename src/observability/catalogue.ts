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
  tenants: {
    type: 'gauge',
    name: 'tenantry_tenants',
    help: 'Registered tenants.',
    labels: ['server', 'state'],
  },
  workers: {
    type: 'gauge',
    name: 'tenantry_workers',
    help: 'Workers whose lease holds.',
    labels: [],
  },
  operationQueueDepth: {
    type: 'gauge',
    name: 'tenantry_operation_queue_depth',
    help: 'Operations that wait for a worker.',
    labels: ['kind'],
  },
  operationQueueAge: {
    type: 'gauge',
    name: 'tenantry_operation_queue_age_seconds',
    help: 'How long the oldest operation that is due has been waiting for a worker.',
    labels: [],
  },
  rollouts: {
    type: 'gauge',
    name: 'tenantry_rollouts',
    help: 'Rollouts by state.',
    labels: ['state'],
  },
  rolloutActiveTargets: {
    type: 'gauge',
    name: 'tenantry_rollout_active_targets',
    help: 'Tenants of the rollouts that have not ended.',
    labels: ['state'],
  },
  rolloutInFlight: {
    type: 'gauge',
    name: 'tenantry_rollout_in_flight',
    help: 'Tenants that workers have in hand.',
    labels: [],
  },
  rolloutRate: {
    type: 'gauge',
    name: 'tenantry_rollout_rate_targets_per_second',
    help: 'Tenants finished per second over the last seconds, all running rollouts together.',
    labels: [],
  },
  rolloutTargets: {
    type: 'counter',
    name: 'tenantry_rollout_targets_total',
    help: 'Tenants finished, by outcome.',
    labels: ['outcome'],
  },
  rolloutRetries: {
    type: 'counter',
    name: 'tenantry_rollout_retries_total',
    help: 'Tries that failed for a transient reason, by SQLSTATE.',
    labels: ['sqlstate'],
  },
  rolloutBreakers: {
    type: 'gauge',
    name: 'tenantry_rollout_breakers_open',
    help: 'Circuit breakers that are open: of whole rollouts, and of single servers in them.',
    labels: ['scope'],
  },
  rolloutServersDown: {
    type: 'gauge',
    name: 'tenantry_rollout_servers_down',
    help: 'Servers that running rollouts wait for.',
    labels: [],
  },
  rolloutLastProgress: {
    type: 'gauge',
    name: 'tenantry_rollout_last_progress_timestamp_seconds',
    help: 'When a tenant was last finished in a rollout that has not ended.',
    labels: [],
  },
  serverConnections: {
    type: 'gauge',
    name: 'tenantry_server_rollout_connections',
    help: 'Connections that rollouts have open to a server.',
    labels: ['server'],
  },
  serverConnectionLimit: {
    type: 'gauge',
    name: 'tenantry_server_rollout_connection_limit',
    help: 'Connections that rollouts allow themselves to a server, found by measuring.',
    labels: ['server'],
  },
  schemaPropagationTotal: {
    type: 'counter',
    name: 'schema_propagation_total',
    help: 'Older name: tenants finished, by status.',
    labels: ['status'],
  },
  schemaPropagationRate: {
    type: 'gauge',
    name: 'schema_propagation_rate_per_second',
    help: 'Older name of tenantry_rollout_rate_targets_per_second.',
    labels: [],
  },
  collectorUp: {
    type: 'gauge',
    name: 'tenantry_collector_up',
    help: '1 when the values of this collector are fresh, 0 when it failed at this scrape.',
    labels: ['collector'],
  },
} as const satisfies Record<string, MetricDefinition>

/** Histograms that are rendered from counts in the control database. */
export const STORED_HISTOGRAMS = [
  {
    type: 'histogram',
    name: 'tenantry_rollout_target_duration_seconds',
    help: 'How long one tenant took, from connecting to the outcome.',
    labels: [],
  },
  {
    type: 'histogram',
    name: 'schema_propagation_duration_seconds',
    help: 'Older name of tenantry_rollout_target_duration_seconds.',
    labels: [],
  },
] as const satisfies readonly MetricDefinition[]

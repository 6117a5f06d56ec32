/** What a token may do. Every endpoint names one scope or says that it is public; nothing is open by omission. */

export const SCOPES = {
  'registry:read': 'See servers and tenants.',
  'registry:write': 'Add, change and retire servers and tenants; run discovery and import.',
  'versions:read': 'See versions and their SQL.',
  'versions:write': 'Generate and import versions.',
  'schema:read': 'Compare schemas; see stored snapshots and drift.',
  'schema:write': 'Store snapshots; scan for drift and ignore it.',
  'rollouts:read': 'See rollouts, their targets and errors.',
  'rollouts:run': 'Start, pause, resume, stop, retry and undo rollouts.',
  'rollouts:approve': 'Approve a wave that waits for a person.',
  'operations:read': 'See operations and schedules.',
  'operations:write': 'Cancel and retry operations; change schedules.',
  simulate: 'Make and remove test databases; run benchmarks.',
  'metrics:read': 'Read /metrics.',
  'tokens:admin': 'Make, list and revoke tokens, with no more scopes than one has.',
  admin: 'Everything, and the audit log.',
} as const satisfies Record<string, string>

export type Scope = keyof typeof SCOPES

export const SCOPE_NAMES = Object.keys(SCOPES) as [Scope, ...Scope[]]

/** `admin` includes every other scope; no other scope includes a second one. */
export function hasScope(held: readonly string[], needed: Scope): boolean {
  return held.includes(needed) || held.includes('admin')
}

/** What a plan may do to its users, by name. Those that must be allowed stop an execution until they are. */

export const HAZARDS = {
  'data-loss': { mustAllow: true, means: 'rows or values are removed and cannot be brought back' },
  'table-rewrite': {
    mustAllow: true,
    means: 'a table is written anew under a lock that stops reading and writing',
  },
  'long-lock': { mustAllow: true, means: 'a table is locked against its users for as long as it is large' },
  'may-fail': { mustAllow: false, means: 'the data of a tenant may not allow it' },
  'index-build': {
    mustAllow: false,
    means: 'an index is built beside the running work and costs reading and writing',
  },
  'access-change': { mustAllow: false, means: 'roles or policies see more, or less, than before' },
  'stale-values': {
    mustAllow: false,
    means: 'what was computed or checked before stays as it was',
  },
  'not-atomic': { mustAllow: false, means: 'it cannot be rolled back with the statements around it' },
  unmodelled: { mustAllow: false, means: 'something in the schema is not described by snapshots' },
} as const satisfies Record<string, { mustAllow: boolean; means: string }>

export type HazardName = keyof typeof HAZARDS

export interface Hazard {
  readonly name: HazardName
  /** What happens here, with the names of the objects: a sentence for the person who allows it. */
  readonly detail: string
}

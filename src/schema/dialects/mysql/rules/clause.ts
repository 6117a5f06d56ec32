import type { SchemaObject } from '../../../snapshot/snapshot.ts'

/** One change of an ALTER TABLE. */
export interface Clause {
  readonly what:
    | 'add column'
    | 'modify'
    | 'drop column'
    | 'default'
    | 'visibility'
    | 'add index'
    | 'drop index'
    | 'add check'
    | 'drop check'
    | 'engine'
    | 'charset'
    | 'option'
    | 'comment'
    | 'period'
    | 'versioning'
    | 'add partition'
    | 'drop partition'
    | 'reorganize partition'
    | 'repartition'
  readonly sql: string
  readonly from?: SchemaObject | undefined
  readonly to?: SchemaObject | undefined
  /** Partitions that it drops, quoted. */
  readonly names?: readonly string[]
}

/** Weakest first. `shared`: built in place, while nobody may write. */
export const LEVELS = ['instant', 'nocopy', 'inplace', 'shared', 'copy'] as const
export type Level = (typeof LEVELS)[number]

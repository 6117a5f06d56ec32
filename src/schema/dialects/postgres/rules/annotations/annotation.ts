import type { Json } from '../../../../snapshot/canonical.ts'
import type { SchemaObject } from '../../../../snapshot/snapshot.ts'
import type { Action, RuleContext } from '../../../../plan/action.ts'

/** A property that an annotator of `inspect/` has read. */
export interface Annotation {
  readonly property: string
  /** Statements that turn the value `from` into `to` on an object that is there; undefined: it has none. */
  readonly change: (
    object: SchemaObject,
    from: Json | undefined,
    to: Json | undefined,
    context: RuleContext,
    /** Whether the object has just been made by this plan. */
    isNew: boolean,
  ) => readonly Action[]
}

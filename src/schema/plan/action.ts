/** What the rules of a dialect answer: statements, and what each of them brings into being, removes and changes. */
import type { Altered, Renamed } from '../diff/diff.ts'
import type { SchemaObject, Snapshot } from '../snapshot/snapshot.ts'
import type { Hazard } from './hazards.ts'
import type { LockLevel } from './plan.ts'

/** One statement. Order among actions follows from the objects it names; `chain` adds what they cannot say. */
export interface Action {
  /** One statement without its semicolon; several only where the dialect needs them to be one step. */
  readonly sql: string
  /** Ids that exist in their target form after it. It comes after all that these depend on in the target. */
  readonly creates?: readonly string[]
  /** Ids that are gone after it. It comes after all that depends on these in the source is dropped or altered away. */
  readonly drops?: readonly string[]
  /** Ids that it changes in place. */
  readonly alters?: readonly string[]
  /** More ids that must be in their target form before it, which is gone for those that the target has not. */
  readonly needs?: readonly string[]
  /** Ids that stay as they were until it is done: whoever drops them waits for it, where that makes no circle. */
  readonly keeps?: readonly string[]
  /** Default true: may run in a transaction together with others. */
  readonly transactional?: boolean
  /** Begins a transaction of its own, so that a lock taken earlier is not kept while it works (e.g. VALIDATE). */
  readonly ownTransaction?: boolean
  /** What it alters only gets more: what stands on that, and is to go, need not have gone. */
  readonly onlyAdds?: boolean
  /** Actions that say the same here share a transaction, as far as dependencies let them: in between is nobody's to see. */
  readonly together?: string
  /** Before or after all else, as far as dependencies let it: what sees all other changes happen. */
  readonly place?: 'first' | 'last'
  /** The strongest lock that it takes on an object that existed before; null for none. */
  readonly lock?: LockLevel | null
  /** Locks and does nothing else: refused outside of a transaction, it is no statement of a way back. */
  readonly onlyLocks?: boolean
  /** Whether it rewrites a table. */
  readonly rewrites?: boolean
  /** The statement is `table` and `does` (`ALTER TABLE x` and `ADD COLUMN y`): rewrites in a row become one. */
  readonly part?: { readonly table: string; readonly does: string }
  /** Whether it reads or builds for as long as the table is large: it gets the long statement timeout. */
  readonly long?: boolean
  readonly hazards?: readonly Hazard[]
}

/** What rules may look at. */
export interface RuleContext {
  readonly source: Snapshot
  readonly target: Snapshot
  /** Looks an object up in the source / the target. */
  readonly before: (id: string) => SchemaObject | undefined
  readonly after: (id: string) => SchemaObject | undefined
  /** Ids of the objects whose parent is `id`, in the source / the target. */
  readonly partsBefore: (id: string) => readonly SchemaObject[]
  readonly partsAfter: (id: string) => readonly SchemaObject[]
  /** Direct dependents (objects whose `dependsOn` holds the id), in the source. */
  readonly dependentsBefore: (id: string) => readonly SchemaObject[]
  /** Whether the object is made anew by this plan: created, or dropped and created again. */
  readonly isNew: (id: string) => boolean
  /** Whether the object is dropped by this plan, also when created again. */
  readonly isDropped: (id: string) => boolean
  /** Ids of what the object lets go of in this plan, see `StepAside`. */
  readonly letsGoOf: (id: string) => readonly string[]
  readonly options: PlanOptions
}

export interface PlanOptions {
  /**
   * `online` (default): no avoidable lock, whatever the size. `plain`: the shortest statements.
   * `auto`: online, and plain for tables known to be small (`facts.bytes` under `smallTableBytes`).
   */
  readonly style: 'online' | 'plain' | 'auto'
  /** Bytes up to which a table counts as small. Default 1 MiB. */
  readonly smallTableBytes: number
  /** Milliseconds; 0 for none. Default 2,000. */
  readonly lockTimeoutMs: number
  /** Milliseconds for statements that hold a lock. Default 30,000. */
  readonly statementTimeoutMs: number
  /** Milliseconds for statements that work for as long as the table is large without blocking. Default 20 min. */
  readonly longStatementTimeoutMs: number
}

/** An alteration in place, with dependents that must step aside: they are dropped before and created again after. */
export interface AlterAnswer {
  readonly actions: readonly Action[]
  readonly rebuild?: readonly string[]
}

/** An object lets go of what is about to be made anew, and takes hold of it again, without being dropped itself. */
export interface StepAside {
  readonly release: readonly Action[]
  readonly restore: readonly Action[]
  /** Ids of what is in the way of that: dropped before and created again after. */
  readonly rebuild?: readonly string[]
}

/** How one kind of object is created, dropped, altered and renamed. The answer's actions run in the order given. */
export interface KindRule {
  readonly create: (object: SchemaObject, context: RuleContext) => readonly Action[]
  readonly drop: (object: SchemaObject, context: RuleContext) => readonly Action[]
  /** `replace`: can only be dropped and created again. Left out: always so. */
  readonly alter?: (change: Altered, context: RuleContext) => AlterAnswer | 'replace'
  /**
   * For kinds that hold data: called when objects that it depends on (`dependencies`, ids) are dropped and created
   * again, e.g. a column goes by text while its type is made anew. Left out or `undefined`: it is made anew as well.
   */
  readonly stepAside?: (
    from: SchemaObject,
    to: SchemaObject,
    dependencies: readonly string[],
    context: RuleContext,
  ) => StepAside | undefined
  /**
   * Called for an object that is created: ids of what cannot stay as it is for that, and is dropped and created again.
   * Left out: none.
   */
  readonly unsettles?: (object: SchemaObject, context: RuleContext) => readonly string[]
  /**
   * Left out: this kind cannot be renamed, so it is dropped and created. In its context the source is what the renames
   * up to this one lead to.
   */
  readonly rename?: (change: Renamed, context: () => RuleContext) => readonly Action[]
}

/** What a recorder of one tool's migrations gives: the migrations in order, each of which can be run. */
import type { RecordedStatement } from './protocol.ts'

export interface Ran {
  readonly statements: readonly RecordedStatement[]
  /** See Recording. */
  readonly transaction: boolean | undefined
  /** It was told how many rows something changed, which it may have acted on unseen: run it again with none. */
  readonly doubtful: boolean
}

/** A way back that the tool itself says there is none of. */
export class NoWayBack extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'NoWayBack'
  }
}

export interface Unit {
  /** As the tool calls it in its ledger. */
  readonly name: string
  readonly file: string
  readonly path: string
  /** @param none counts of changed rows are 0 instead of something that nobody can look into */
  run(direction: 'up' | 'down', none: boolean): Promise<Ran>
}

export interface Recorder {
  readonly units: readonly Unit[]
}

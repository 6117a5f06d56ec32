/** What the operations of the API work with. Made once per process, handed to every call. */
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import type { Control } from '../control/control.ts'
import type { Keyring } from '../control/secrets.ts'

export interface App {
  readonly config: Config
  readonly control: Control
  readonly keyring: Keyring
  readonly log: Logger
}

/** Who asks: a token, or the program itself. */
export interface Caller {
  /** `token:<id> <name>`, `local` or `schedule:<name>`. */
  readonly actor: string
  readonly scopes: readonly string[]
  readonly address: string | undefined
  readonly requestId: string | undefined
}

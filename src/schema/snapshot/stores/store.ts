/** Where snapshots are kept: by their fingerprint, and under names whose history stays. */
import { TenantryError } from '../../../lib/errors.ts'
import { diff, type Change } from '../../diff/diff.ts'
import type { DialectName, Snapshot } from '../snapshot.ts'

/** One entry in the history of a name. */
export interface StoredVersion {
  readonly name: string
  /** 1, 2, 3 … */
  readonly number: number
  readonly fingerprint: string
  readonly dialect: DialectName
  readonly objects: number
  /** RFC 3339, UTC. */
  readonly createdAt: string
  readonly message: string
}

export interface SnapshotStore {
  /** Where it is, without a password: for messages. */
  readonly label: string
  /** The newest entry of every name, by name. */
  list(): Promise<StoredVersion[]>
  /** All entries of one name, newest first. @throws TenantryError `not_found` */
  history(name: string): Promise<StoredVersion[]>
  /**
   * Makes the snapshot the newest one of the name. When it is already, nothing changes and `added` is false.
   * Safe to be called by several at once.
   */
  put(name: string, snapshot: Snapshot, message?: string): Promise<{ version: StoredVersion; added: boolean }>
  /**
   * By `name` (the newest), `name@3`, or a fingerprint or its first eight digits or more.
   * @throws TenantryError `not_found`; `invalid_input` for the beginning of several fingerprints
   */
  get(reference: string): Promise<Snapshot>
  close(): Promise<void>
}

/** What differs between two that are stored. */
export async function diffStored(store: SnapshotStore, from: string, to: string): Promise<Change[]> {
  return diff(await store.get(from), await store.get(to))
}

export type Reference =
  | { readonly by: 'name'; readonly name: string; readonly number: number | undefined }
  | { readonly by: 'fingerprint'; readonly prefix: string }

/** A name cannot look like a fingerprint, so a reference has one meaning. */
export function parseReference(text: string): Reference {
  if (/^[0-9a-f]{8,64}$/.test(text)) return { by: 'fingerprint', prefix: text }
  const [, name = '', number] = /^(.*?)(?:@(\d{1,9}))?$/s.exec(text) ?? []
  return { by: 'name', name: checkName(name), number: number === undefined ? undefined : Number(number) }
}

/** @throws TenantryError `invalid_input` */
export function checkName(name: string): string {
  if (/^[a-z][a-z0-9._-]{0,99}$/.test(name) && !/^[0-9a-f]{8,64}$/.test(name)) return name
  throw new TenantryError('invalid_input', `${JSON.stringify(name)} cannot be the name of a snapshot.`, {
    nextSteps: [
      'Begin with a letter and use lower-case letters, digits, dots, dashes and underscores, e.g. shop-v2.',
    ],
  })
}

/** How the control database's store is called. */
export const CONTROL_LABEL = 'the control database'

/** The option that leads the commands to a store, from its label; nothing for the one that they take by themselves. */
function storeOption(label: string): string {
  const place = label === CONTROL_LABEL ? 'control' : label
  return place === 'snapshots' ? '' : ` --store ${place}`
}

export function notStored(label: string, reference: string): TenantryError {
  return new TenantryError('not_found', `There is no snapshot ${reference} in ${label}.`, {
    nextSteps: [`See what there is: tenantry snapshot list${storeOption(label)}`],
  })
}

export function ambiguous(label: string, prefix: string): TenantryError {
  return new TenantryError(
    'invalid_input',
    `${prefix} is the beginning of more than one fingerprint in ${label}.`,
    { nextSteps: ['Give more of its digits.'] },
  )
}

/** Holds what a tenant is like against what it is expected to be; equal pairs are compared once. */
import type { Queryable } from '../../control/control.ts'
import { TenantryError } from '../../lib/errors.ts'
import { changesKey, diff } from '../diff/diff.ts'
import { hashOf } from '../snapshot/canonical.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { describeDrift } from './describe.ts'

export interface Difference {
  /** The same for all tenants that differ from the same expected schema in the same way. */
  readonly key: string
  readonly expected: string
  readonly actual: string
  readonly summary: readonly string[]
}

/** @param load reads a snapshot by its fingerprint */
export function createComparer(
  load: (fingerprint: string) => Promise<Snapshot>,
): (actual: string, expected: string) => Promise<Difference | undefined> {
  const known = new Map<string, Promise<Difference>>()
  return async (actual, expected) => {
    if (actual === expected) return undefined
    const pair = `${actual} ${expected}`
    const difference = known.get(pair) ?? differenceOf(load, actual, expected)
    known.set(pair, difference)
    return difference
  }
}

async function differenceOf(
  load: (fingerprint: string) => Promise<Snapshot>,
  actual: string,
  expected: string,
): Promise<Difference> {
  const [is, wanted] = [await load(actual), await load(expected)]
  if (is.dialect !== wanted.dialect) {
    throw new TenantryError(
      'invalid_input',
      `It is held against a schema for ${wanted.dialect}, and is a tenant of ${is.dialect}: they cannot be compared.`,
      {
        nextSteps: [
          'Select the tenants of one kind of server: --selector server:…',
          'SQL that is no PostgreSQL: --dialect',
        ],
      },
    )
  }
  const changes = diff(is, wanted)
  const key = hashOf([expected, changesKey(changes)]).slice(0, 16)
  return { key, expected, actual, summary: describeDrift(changes) }
}

export async function saveDifferences(on: Queryable, differences: readonly Difference[]): Promise<void> {
  await on.query(
    `insert into tenantry.drift_differences (key, expected, actual, summary)
     select key, expected, actual, array(select jsonb_array_elements_text(summary))
     from jsonb_to_recordset($1::jsonb) as difference (key text, expected text, actual text, summary jsonb)
     order by key
     on conflict (key) do nothing`,
    [JSON.stringify(differences)],
  )
}

/** What tests of audits and repairs do on any fleet. */
import type { Control } from '../../src/control/control.ts'
import type { Operation } from '../../src/control/operations/operation.ts'
import { getOperation } from '../../src/control/operations/read.ts'
import { enqueueOperation } from '../../src/control/operations/store.ts'
import type { Keyring } from '../../src/control/secrets.ts'
import { rolloutOptions } from '../../src/rollout/rollout.ts'
import { controlStore } from '../../src/schema/snapshot/stores/control.ts'
import { openTenantDatabase, serverOf } from '../../src/schema/tenant-session.ts'
import { until } from './wait.ts'

/** Of a repair that no threshold stops. */
export const REPAIR_OPTIONS = rolloutOptions.parse({
  selector: '',
  maxConnections: 10,
  errorThresholdPercent: 100,
  maxRetries: 3,
  lockTimeout: '1s',
  statementTimeout: '10s',
  via: 'direct',
})

/** Has one of the fleet's workers carry out an operation. @throws Error when it does not succeed in time */
export async function carriedOut(
  control: Control,
  kind: string,
  input: Record<string, unknown>,
): Promise<Operation> {
  const { id } = await enqueueOperation(control, { kind, input, createdBy: 'test' })
  return until(
    async () => {
      const operation = await getOperation(control, id)
      if (operation.state === 'succeeded') return operation
      throw new Error(`it is ${operation.state}: ${operation.error?.message ?? ''}`)
    },
    { what: `${kind} to succeed`, timeoutMs: 30_000 },
  )
}

/** Stores the schema of a tenant's database as the snapshot `expected`. @returns its fingerprint. */
export async function keepAsExpected(
  { control, keyring }: { readonly control: Control; readonly keyring: Keyring },
  tenant: { readonly server: string; readonly database: string },
): Promise<string> {
  const { dialect, session } = await openTenantDatabase(
    await serverOf(control, keyring, tenant.server),
    tenant.database,
  )
  try {
    const snapshot = await dialect.inspect(session)
    await controlStore(control).put('expected', snapshot)
    return snapshot.fingerprint
  } finally {
    await session.close()
  }
}

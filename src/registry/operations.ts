/** The registry's operations: importing and discovering tenants. */
import type { Control } from '../control/control.ts'
import type { OperationHandler } from '../control/operations/operation.ts'
import type { Keyring } from '../control/secrets.ts'
import { discover } from './discovery.ts'
import { getServer, listServers } from './servers.ts'
import { registerTenants, type TenantEntry } from './tenants.ts'

interface Parts {
  readonly control: Control
  readonly keyring: Keyring
}

/** Kind `import`: all entries or none. */
export function importHandler(): OperationHandler {
  return {
    async run(context) {
      const { tenants } = context.operation.input as unknown as { tenants: TenantEntry[] }
      const result = await context.fenced(async (tx) => {
        await tx.query(`set local statement_timeout = '10min'`)
        return registerTenants(tx, tenants)
      })
      return { state: 'succeeded', result }
    },
  }
}

interface DiscoverInput {
  readonly pattern: string
  readonly server?: string
  readonly in_database?: string
  readonly labels?: Record<string, string>
}

/** Kind `discover`. */
export function discoverHandler({ control, keyring }: Parts): OperationHandler {
  return {
    async run(context) {
      const input = context.operation.input as unknown as DiscoverInput
      const servers =
        input.server === undefined ? await listServers(control) : [await getServer(control, input.server)]
      const result = await discover(control, keyring, servers, {
        pattern: input.pattern,
        inDatabase: input.in_database,
        labels: input.labels,
      })
      return { state: 'succeeded', result: { ...result } }
    },
  }
}

/** One PostgreSQL 18 for the whole run. Durability is off: it holds nothing that outlives the run. */
import { rm } from 'node:fs/promises'
import type { TestProject } from 'vitest/node'
import { startEmbedded } from '../../src/engine/embedded.ts'
import { clearLeftBehind, testDirectory } from './directories.ts'

export interface SharedServer {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
}

declare module 'vitest' {
  interface ProvidedContext {
    sharedServer: SharedServer
  }
}

export const FAST_NOT_DURABLE = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await clearLeftBehind()
  const stateDir = await testDirectory('shared')
  const settings = {
    ...FAST_NOT_DURABLE,
    max_connections: '300',
    max_wal_size: '4GB',
    max_prepared_transactions: '20',
  }
  const server = await startEmbedded({ stateDir, noSync: true, settings })
  const { host, port, superuser } = server
  project.provide('sharedServer', { host, port, ...superuser })
  return async () => {
    await server.stop()
    await rm(stateDir, { recursive: true })
  }
}

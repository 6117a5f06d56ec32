/** The process in which Tenantry is measured, as the benchmark drives it. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ChildJob, ChildResult, ChildSetup } from './tenantry-child.ts'

export interface Tenantry {
  run(job: ChildJob): Promise<ChildResult>
  stop(): Promise<void>
}

/** Registers the tenants in a process of its own first: what that takes is no part of the measurement. */
export async function startTenantry(setup: ChildSetup): Promise<Tenantry> {
  const registrar = await startChild(setup)
  await registrar.stop()
  return startChild({ ...setup, tenants: [] })
}

async function startChild(setup: ChildSetup): Promise<Tenantry> {
  const child = spawn(
    process.execPath,
    [
      // As bin/tenantry.js and npm start run it.
      '--max-semi-space-size=4',
      fileURLToPath(new URL('tenantry-child.ts', import.meta.url)),
    ],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  )
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const answer = async (): Promise<unknown> => {
    const line = await lines.next()
    if (line.done === true) throw new Error('Tenantry ended before it answered')
    return JSON.parse(line.value)
  }
  // A child that is gone is seen by the answer that does not come.
  child.stdin.on('error', () => undefined)
  child.stdin.write(`${JSON.stringify(setup)}\n`)
  await answer()
  return {
    async run(job) {
      child.stdin.write(`${JSON.stringify(job)}\n`)
      return (await answer()) as ChildResult
    },
    async stop() {
      child.stdin.end()
      await exited
    },
  }
}

/** @throws Error with the failures in groups, unless all went well: such a run compares with nothing. */
export function refuseFailures(name: string, result: ChildResult): void {
  if (result.failed === 0 && result.stoppedBy === null) return
  const reason = result.stoppedBy === null ? '' : `: ${result.stoppedBy}`
  throw new Error([`${name}: ${result.failed} tenants failed${reason}`, ...result.errors].join('\n  '))
}

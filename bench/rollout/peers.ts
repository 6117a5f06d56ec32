/** What Tenantry is compared with: the ceiling, a loop of a migration CLI, the usual asynchronous program. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { TenantryError } from '../../src/lib/errors.ts'
import { childrenCpuMs, libpqEnvironment, type PeerAddress, type PeerResult, runChild } from './children.ts'
import type { UsualJob } from './usual-program.ts'

export interface CeilingResult extends PeerResult {
  readonly concurrency: number
  readonly peakRssMb: number
}

interface PeerInput {
  readonly address: PeerAddress
  /** Server settings for the startup packet. */
  readonly options: Readonly<Record<string, string>>
  readonly databases: readonly string[]
}

/** What `ceiling.c` prints. */
interface CeilingLine {
  tenants: number
  ok: number
  failed: number
  first_error: string | null
  seconds: number
  tenants_per_second: number
  cpu_user_s: number
  cpu_sys_s: number
  peak_rss_kb: number
}

/**
 * (a), (c): `sql` as one message to each database by the C program on libpq, `concurrency` connections at a time.
 * @throws TenantryError `server_refused` when it failed on any database: such a run compares with nothing.
 */
export async function runCeiling(
  input: PeerInput & { binary: string; sql: string; concurrency: number },
): Promise<CeilingResult> {
  return await inFiles({ databases: `${input.databases.join('\n')}\n`, sql: input.sql }, async (files) => {
    const env = libpqEnvironment(input.address, input.options)
    const child = await runChild(input.binary, [files.databases, files.sql, String(input.concurrency)], {
      env,
    })
    if (child.stdout === '') throw failed('The ceiling', child.stderr)
    const line = JSON.parse(child.stdout) as CeilingLine
    if (line.failed > 0) throw failed('The ceiling', `${line.failed} databases, first ${line.first_error}`)
    return {
      concurrency: input.concurrency,
      tenants: line.tenants,
      seconds: line.seconds,
      tenantsPerSecond: line.tenants_per_second,
      cpuMsPerTenant: ((line.cpu_user_s + line.cpu_sys_s) * 1000) / line.tenants,
      peakRssMb: line.peak_rss_kb / 1024,
    }
  })
}

/** (e): the shell loop of the tutorials, one `psql` after the other. */
export async function runPsqlLoop(input: PeerInput & { sql: string }): Promise<PeerResult> {
  // By PGDATABASE a name is only a name; as an argument `host=…` in it would be obeyed.
  const loop =
    'while IFS= read -r name; do PGDATABASE="$name" psql -X -q -v ON_ERROR_STOP=1 -f "$1" </dev/null || exit 1; done <"$2"'
  return await inFiles({ databases: `${input.databases.join('\n')}\n`, sql: input.sql }, async (files) => {
    const env = libpqEnvironment(input.address, input.options)
    const cpuBefore = await childrenCpuMs()
    const child = await runChild('sh', ['-c', loop, 'sh', files.sql, files.databases], { env })
    if (child.exitCode !== 0) throw failed('The loop of psql', child.stderr)
    const cpuMs = (await childrenCpuMs()) - cpuBefore
    const tenants = input.databases.length
    const { seconds } = child
    return {
      tenants,
      seconds,
      tenantsPerSecond: tenants / seconds,
      cpuMsPerTenant: cpuMs / tenants,
      peakRssMb: null,
    }
  })
}

/** (f): see `usual-program.ts`. Starting Node is not counted. */
export async function runUsualProgram(
  input: PeerInput & { versionId: string; change: string; concurrency: number },
): Promise<PeerResult> {
  const { address, options, databases, versionId, change, concurrency } = input
  const job: UsualJob = { address, options, databases, versionId, change, concurrency }
  const program = path.join(import.meta.dirname, 'usual-program.ts')
  const child = await runChild(process.execPath, [program], { stdin: JSON.stringify(job) })
  if (child.exitCode !== 0) throw failed('The usual program', child.stderr)
  return JSON.parse(child.stdout) as PeerResult
}

async function inFiles<const Name extends string, Result>(
  texts: Readonly<Record<Name, string>>,
  use: (files: Record<Name, string>) => Promise<Result>,
): Promise<Result> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenantry-bench-'))
  try {
    const files = {} as Record<Name, string>
    for (const name of Object.keys(texts) as Name[]) {
      files[name] = path.join(directory, name)
      await writeFile(files[name], texts[name])
    }
    return await use(files)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

function failed(who: string, why: string): TenantryError {
  return new TenantryError(
    'server_refused',
    `${who} failed, so there is nothing to compare with: ${why.trim().slice(0, 2000)}`,
  )
}

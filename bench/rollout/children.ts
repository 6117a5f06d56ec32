/** Runs the programs that Tenantry is compared with, each in a process of its own so that its CPU can be told. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { ServerAddress } from '../../src/engine/address.ts'

/** How a fleet is reached: no database, because the peers go to many. */
export type PeerAddress = Pick<ServerAddress, 'host' | 'port' | 'user' | 'password'>

export interface ChildRun {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

export interface PeerResult {
  readonly tenants: number
  readonly seconds: number
  readonly tenantsPerSecond: number
  /** User and system time of the client, not of the server. */
  readonly cpuMsPerTenant: number
  /** Of the client's largest process; null where nothing tells it. */
  readonly peakRssMb: number | null
}

/** Clock ticks of `/proc` per second: fixed by Linux's interface to programs. */
const MS_PER_TICK = 10

/** Runs a program to its end. Nothing of this process's environment goes to it but what is given. */
export async function runChild(
  command: string,
  args: readonly string[],
  { env = {}, stdin = '' }: { env?: Readonly<Record<string, string>>; stdin?: string } = {},
): Promise<ChildRun> {
  const started = performance.now()
  const child = spawn(command, args, {
    stdio: 'pipe',
    env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...env },
  })
  const ended = once(child, 'close') as Promise<[number | null]>
  child.stdin.end(stdin)
  const [stdout, stderr, [exitCode]] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { exitCode, stdout, stderr, seconds: (performance.now() - started) / 1000 }
}

/**
 * libpq's environment for an address. `settings` travel in the startup packet. Both switches keep libpq from asking
 * for encryption in a round trip of its own.
 */
export function libpqEnvironment(
  address: PeerAddress,
  settings: Readonly<Record<string, string>>,
): Record<string, string> {
  return {
    PGHOST: address.host,
    PGPORT: String(address.port),
    PGUSER: address.user,
    ...(address.password === undefined ? {} : { PGPASSWORD: address.password }),
    PGOPTIONS: startupOptions(settings),
    PGSSLMODE: 'disable',
    PGGSSENCMODE: 'disable',
    PGPASSFILE: '/dev/null',
  }
}

/** CPU that this process's children and their children used until they ended, in milliseconds. */
export async function childrenCpuMs(pid: number | 'self' = 'self'): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // The command name may hold spaces and brackets: fields are counted from its last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) * MS_PER_TICK
}

/** The most memory this process ever had in RAM. Not from getrusage, which also counts the parent before exec. */
export async function peakRssMb(): Promise<number> {
  const status = await readFile('/proc/self/status', 'utf8')
  return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1]) / 1024
}

/** The `options` of a startup packet that set server settings. */
export function startupOptions(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, String.raw`\$&`)}`)
    .join(' ')
}

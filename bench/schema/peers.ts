/** Programs of others that plan from one database to another, fetched by npm into a folder of their own when asked for. */
import { execFile } from 'node:child_process'
import { access, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const FOLDER = path.join(import.meta.dirname, '../../.cache/bench/schema-peers')
const PACKAGES = ['@supabase/pg-delta@1.0.0-alpha.34', '@pgkit/migra@0.6.1']
/** Longer is no answer to somebody who waits for a plan. */
const TIMEOUT_MS = 300_000

export interface Peer {
  readonly name: string
  /** Arguments for Node. */
  plan(from: string, to: string): readonly string[]
}

/** @throws when npm cannot bring them */
export async function fetchPeers(): Promise<readonly Peer[]> {
  const modules = path.join(FOLDER, 'node_modules')
  const there = await access(path.join(modules, '@pgkit/migra')).then(
    () => true,
    () => false,
  )
  if (!there) {
    await mkdir(FOLDER, { recursive: true })
    await writeFile(path.join(FOLDER, 'package.json'), '{"private": true}\n')
    await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts', ...PACKAGES], { cwd: FOLDER })
  }
  const delta = path.join(modules, '@supabase/pg-delta/dist/cli/main.js')
  const migra = path.join(modules, '@pgkit/migra/dist/command.js')
  return [
    {
      name: '@supabase/pg-delta',
      plan: (from, to) => [delta, 'plan', '--source', from, '--desired', to, '--out', '/dev/null'],
    },
    { name: '@pgkit/migra', plan: (from, to) => [migra, 'run', from, to, '--unsafe'] },
  ]
}

/** Seconds from start to end of a program; null when it failed or took too long, with the reason. */
export async function timeProgram(
  program: string,
  args: readonly string[],
): Promise<{ seconds: number | null; why: string }> {
  const started = performance.now()
  try {
    await run(program, args, { timeout: TIMEOUT_MS, maxBuffer: 2 ** 30 })
    return { seconds: (performance.now() - started) / 1000, why: '' }
  } catch (thrown) {
    const { stderr = '', message, killed } = thrown as Error & { stderr?: string; killed?: boolean }
    const why = killed === true ? `longer than ${TIMEOUT_MS / 1000} s` : stderr.trim() || message
    return { seconds: null, why: why.split('\n').slice(-3).join(' ').slice(0, 300) }
  }
}

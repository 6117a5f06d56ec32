/** Compiles the ceiling when it is first asked for; the binary is kept under `.cache/`. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { access, mkdir, readFile, rename } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { messageOf, TenantryError } from '../../src/lib/errors.ts'

const run = promisify(execFile)
const SOURCE = path.join(import.meta.dirname, 'ceiling.c')
const CACHE = path.join(import.meta.dirname, '../../.cache/bench')

/**
 * The path of the compiled `ceiling.c`; compiles it unless this very source was compiled before.
 * @throws TenantryError `program_missing` without a C compiler or libpq's headers.
 */
export async function compileCeiling(): Promise<string> {
  const flags = ['-O2', '-Wall', '-Wextra']
  const hash = createHash('sha256')
    .update(flags.join(' '))
    .update(await readFile(SOURCE))
  const binary = path.join(CACHE, `ceiling-${hash.digest('hex').slice(0, 16)}`)
  if (await exists(binary)) return binary
  await mkdir(CACHE, { recursive: true })
  const unfinished = `${binary}.${process.pid}`
  try {
    await run('cc', [...flags, '-o', unfinished, SOURCE, ...(await libpqFlags())])
  } catch (cause) {
    throw new TenantryError(
      'program_missing',
      `The C program ${SOURCE} cannot be compiled: ${messageOf(cause)}`,
      {
        nextSteps: ['On Debian: sudo apt-get install --no-install-recommends gcc libc6-dev libpq-dev'],
        cause,
      },
    )
  }
  await rename(unfinished, binary)
  return binary
}

/** Where libpq is: asked of pkg-config, else where Debian has it. */
async function libpqFlags(): Promise<string[]> {
  try {
    const { stdout } = await run('pkg-config', ['--cflags', '--libs', 'libpq'])
    return stdout.trim().split(/\s+/)
  } catch {
    return ['-I/usr/include/postgresql', '-lpq']
  }
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  )
}

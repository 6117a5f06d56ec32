/** Secrets come from files or standard input: what is in a command can be read by every user of the machine. */
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { TenantryError, messageOf } from '../lib/errors.ts'
import { usageError } from './errors.ts'

interface DsnOptions {
  readonly dsn?: string
  readonly dsnFile?: string
}

/** @throws TenantryError for a password in the command, a file that cannot be read, or none given where one is needed. */
export async function readDsn(options: DsnOptions, need: 'required'): Promise<string>
export async function readDsn(
  options: DsnOptions,
  need: 'optional',
  flag?: '--read-dsn',
): Promise<string | undefined>
export async function readDsn(
  options: DsnOptions,
  need: 'required' | 'optional',
  flag: '--dsn' | '--read-dsn' = '--dsn',
): Promise<string | undefined> {
  if (options.dsn !== undefined && options.dsnFile !== undefined)
    throw usageError(`${flag} and ${flag}-file exclude each other.`)
  if (options.dsnFile !== undefined) return (await readText(options.dsnFile)).trim()
  if (options.dsn === '-') return (await text(process.stdin)).trim()
  if (options.dsn !== undefined) {
    refusePassword(options.dsn, flag)
    return options.dsn
  }
  if (need === 'optional') return undefined
  throw usageError(
    'The connection URL is missing.',
    'Put it into a file that only you can read: --dsn-file FILE',
    'Or give it on standard input: --dsn -',
  )
}

function refusePassword(dsn: string, flag: string): void {
  const hasPassword = /^[a-z]+:\/\/[^@/]*:[^@]+@/i.test(dsn) || /[?&]password=/i.test(dsn)
  if (!hasPassword) return
  throw usageError(
    'The connection URL has a password in it, and every user of this machine can read the commands that run.',
    `Put it into a file that only you can read: ${flag}-file FILE`,
    `Or give it on standard input: ${flag} -`,
    'As it was in a command already, change the password when others may have seen it.',
  )
}

export async function readOptionalFile(file: string | undefined): Promise<string | undefined> {
  return file === undefined ? undefined : readText(file)
}

/** Text of a file, or of standard input for `-`. @throws TenantryError `invalid_input` */
export async function readText(file: string): Promise<string> {
  if (file === '-') return text(process.stdin)
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new TenantryError('invalid_input', `${file} cannot be read: ${messageOf(cause)}`, { cause })
  }
}

/**
 * Reading text from a folder that someone else filled: nothing outside of it, nothing huge, nothing that is not
 * UTF-8.
 */
import { constants } from 'node:fs'
import { open, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { messageOf, TenantryError } from '../lib/errors.ts'

/** Bytes. A change of 10 MB is already a large one. */
const MAX_FILE_BYTES = 64 * 2 ** 20

function refused(message: string, nextStep: string, cause?: unknown): TenantryError {
  return new TenantryError('source_invalid', message, { nextSteps: [nextStep], cause })
}

function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
}

/**
 * The text of `folder/name` (`name` may have sub-folders), null when it does not exist. A byte order mark in front
 * is left out unless it is to be kept.
 * @throws TenantryError `source_invalid`: the path or a symbolic link on it leads out of the folder, the file is
 *   larger than 64 MB, not UTF-8, or cannot be read.
 */
export async function readText(
  folder: string,
  name: string,
  options: { keepByteOrderMark?: boolean } = {},
): Promise<string | null> {
  const path = join(folder, name)
  let root: string
  let real: string
  try {
    root = await realpath(folder)
    real = await realpath(path)
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(thrown))) return null
    throw refused(
      `${path} cannot be read: ${messageOf(thrown)}`,
      'Give Tenantry the right to read it.',
      thrown,
    )
  }
  if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) {
    throw refused(`${path} leads out of ${folder}, to ${real}`, 'Copy the file into the folder.')
  }
  return decode(await readBytes(real, path), path, options.keepByteOrderMark ?? false)
}

async function readBytes(real: string, path: string): Promise<Buffer> {
  // Not blocking: a named pipe would be waited for without end.
  const file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK).catch((thrown: unknown) => {
    throw refused(
      `${path} cannot be read: ${messageOf(thrown)}`,
      'Give Tenantry the right to read it.',
      thrown,
    )
  })
  try {
    const facts = await file.stat()
    if (!facts.isFile()) throw refused(`${path} is not a file`, 'Remove it, or choose another folder.')
    if (facts.size > MAX_FILE_BYTES) {
      const megabytes = Math.ceil(facts.size / 2 ** 20)
      throw refused(
        `${path} has ${megabytes} MB; at most 64 MB are read`,
        'Load data by other means than a version.',
      )
    }
    return await file.readFile()
  } finally {
    await file.close()
  }
}

function decode(bytes: Buffer, path: string, ignoreBOM: boolean): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM }).decode(bytes)
  } catch (cause) {
    throw refused(`${path} is not valid UTF-8`, 'Save it as UTF-8.', cause)
  }
}

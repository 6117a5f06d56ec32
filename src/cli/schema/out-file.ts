import { writeFile } from 'node:fs/promises'
import { messageOf, TenantryError } from '../../lib/errors.ts'

/** @throws TenantryError `invalid_input` */
export async function writeOut(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (cause) {
    throw new TenantryError('invalid_input', `${file} cannot be written: ${messageOf(cause)}`, { cause })
  }
}

import { writeFile } from 'node:fs/promises'
import { TenantryError, messageOf } from '../lib/errors.ts'

/** Writes a token where only its owner can read it. @throws TenantryError when the file is there already. */
export async function saveToken(file: string, token: string): Promise<void> {
  try {
    await writeFile(file, `${token}\n`, { mode: 0o600, flag: 'wx' })
  } catch (cause) {
    throw new TenantryError(
      'conflict',
      `The token was made but ${file} cannot be written: ${messageOf(cause)}`,
      {
        nextSteps: ['Revoke it (tenantry token list shows its id) and make another one.'],
        cause,
      },
    )
  }
}

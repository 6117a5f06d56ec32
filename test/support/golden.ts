/** Texts that are kept in test/golden and reviewed when they change. `npm run golden` writes them anew. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect } from 'vitest'

const DIRECTORY = path.resolve(import.meta.dirname, '../golden')

/** Compares `text` with the kept one of this file name; writes it when GOLDEN=write. */
export async function expectGolden(name: string, text: string): Promise<void> {
  const file = path.join(DIRECTORY, name)
  if (process.env['GOLDEN'] === 'write') {
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, text)
  }
  const kept = await readFile(file, 'utf8')
  expect(text, `${name} has changed. If it should: npm run golden, and look at the difference.`).toBe(kept)
}

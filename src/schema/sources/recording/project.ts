/** Loading what a project has: its libraries, its configuration, its migrations. */
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'

/** The library that a project has installed is missing, or is another than was expected. */
export class LibraryMissing extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'LibraryMissing'
  }
}

/** A module of a library as the project itself would load it. */
export function requireFrom(folder: string, name: string): unknown {
  const require = createRequire(`${folder}/`)
  try {
    return require(name)
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? thrown.code : ''
    if (code !== 'MODULE_NOT_FOUND') throw thrown
    throw new LibraryMissing(name)
  }
}

export type Exports = Record<string, unknown>

/** What a file exports, whether it is a module or CommonJS. */
export async function exportsOf(file: string): Promise<Exports> {
  const loaded = (await import(pathToFileURL(file).href)) as Exports
  const inner = loaded.default
  const isWrapped = typeof inner === 'object' && inner !== null
  return isWrapped ? { ...loaded, ...(inner as Exports) } : loaded
}

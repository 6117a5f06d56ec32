/**
 * TypeORM: migrations as `typeorm migration:generate` writes them, in JavaScript or TypeScript. Order of the
 * timestamps that the names of the classes end in.
 */
import { findRecorded, openRecorded, programsIn } from './recorded.ts'
import type { Source } from './source.ts'

export const findTypeorm = (path: string): Promise<string | undefined> => findRecorded(path, 'typeorm')

/** A source over the migrations in `folder`; `path` is how the user named it. */
export function openTypeorm(folder: string, path: string): Source {
  return openRecorded({
    tool: 'typeorm',
    path,
    at: folder,
    files: async (at) => (await programsIn(at)).filter((name) => !name.startsWith('index.')),
    revisionOf: ({ name }) => name,
  })
}

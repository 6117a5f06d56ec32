/**
 * Sequelize: migrations for sequelize-cli or umzug in JavaScript or TypeScript, run by the project's own sequelize.
 * Order of the names as text.
 */
import { findRecorded, openRecorded, programsIn, stem } from './recorded.ts'
import type { Source } from './source.ts'

export const findSequelize = (path: string): Promise<string | undefined> => findRecorded(path, 'sequelize')

/** A source over the migrations in `folder`; `path` is how the user named it. */
export function openSequelize(folder: string, path: string): Source {
  return openRecorded({
    tool: 'sequelize',
    path,
    at: folder,
    files: programsIn,
    revisionOf: ({ name }) => stem(name),
  })
}

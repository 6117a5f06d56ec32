/**
 * Knex: `knexfile.js` or a folder of migrations in JavaScript or TypeScript, run by the project's own knex. Order of
 * the names as text.
 */
import { basename, join } from 'node:path'
import { kindOfPath, namesIn } from './folder.ts'
import { findRecorded, openRecorded, programsIn, stem } from './recorded.ts'
import type { Source } from './source.ts'

const KNEXFILE = /^knexfile\.[mc]?[jt]s$/

/** The knexfile that `path` is or has; else the folder with the migrations. */
export async function findKnex(path: string): Promise<string | undefined> {
  const kind = await kindOfPath(path)
  if (kind === 'file') return KNEXFILE.test(basename(path)) ? path : undefined
  if (kind === 'absent') return undefined
  const file = (await namesIn(path)).files.find((name) => KNEXFILE.test(name))
  return file === undefined ? await findRecorded(path, 'knex') : join(path, file)
}

/** @param at what `findKnex` found; `path` is how the user named it */
export function openKnex(at: string, path: string): Source {
  const isFolder = !KNEXFILE.test(basename(at))
  return openRecorded({
    tool: 'knex',
    path,
    at,
    ...(isFolder ? { files: programsIn } : {}),
    revisionOf: ({ name }) => stem(name),
  })
}

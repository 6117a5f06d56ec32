/** How a SQLite database is named: `sqlite:path`, `sqlite:///abs/path`, `file:path`, or a path that ends like one. */
import { fileURLToPath } from 'node:url'
import { TenantryError } from '../../../lib/errors.ts'

/** Whether a text names a SQLite database. */
export function isSqliteUrl(text: string): boolean {
  return (
    /^(?:sqlite3?|file):/i.test(text) || (/\.(?:db|sqlite|sqlite3)$/i.test(text) && !text.includes('://'))
  )
}

/**
 * The path of the file.
 * @throws TenantryError `invalid_input` when the text names none.
 */
export function sqlitePath(url: string): string {
  const path = pathIn(url)
  if (path !== '' && !path.includes('\0')) return path
  throw new TenantryError('invalid_input', `${JSON.stringify(url)} names no SQLite file.`, {
    nextSteps: ['Write it as sqlite:path/to/file.db or sqlite:///absolute/path.db.'],
  })
}

function pathIn(url: string): string {
  const rest = url.replace(/^(?:sqlite3?|file):/i, '')
  if (rest === url || !rest.startsWith('//')) return rest
  if (!rest.startsWith('///')) {
    throw new TenantryError('invalid_input', `${url} names a host, but a SQLite database is a file.`, {
      nextSteps: ['Write three slashes before an absolute path: sqlite:///absolute/path.db.'],
    })
  }
  return fileURLToPath(`file:${rest}`)
}

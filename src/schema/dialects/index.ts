/** The dialects by name; each is loaded, with its driver, when it is first needed. */
import type { DialectName } from '../snapshot/snapshot.ts'
import type { Dialect } from './dialect.ts'

export async function dialectNamed(name: DialectName): Promise<Dialect> {
  switch (name) {
    case 'postgres':
      return (await import('./postgres/index.ts')).postgres
    case 'mysql':
      return (await import('./mysql/index.ts')).mysql
    case 'sqlite':
      return (await import('./sqlite/index.ts')).sqlite
  }
}

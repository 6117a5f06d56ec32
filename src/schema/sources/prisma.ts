/**
 * Prisma: `migrations/<timestamp>_<name>/migration.sql` in order of the folder names as text, and
 * `migration_lock.toml` that names the database. A `down.sql` beside it, as Prisma's guide on down migrations makes
 * it, is the way back.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { readText } from '../text-file.ts'
import type { VersionDialect } from '../version-dialects.ts'
import { kindOfPath, namesIn, readExpected } from './folder.ts'
import { expectDialect, type Source, type SourceVersion } from './source.ts'
import { describe, downgradeOrNull } from './sql/layout.ts'

const PRISMA_LOCK = 'migration_lock.toml'

/** The folder with the lock file: `path`, or what Prisma calls `prisma/migrations` below it. */
export async function findPrisma(path: string): Promise<string | undefined> {
  for (const folder of [path, join(path, 'migrations'), join(path, 'prisma', 'migrations')]) {
    if ((await kindOfPath(join(folder, PRISMA_LOCK))) === 'file') return folder
  }
  return undefined
}

/** A source over Prisma's migrations in `folder`; `path` is how the user named it. */
export function openPrisma(folder: string, path: string): Source {
  return {
    kind: 'prisma',
    path,
    async list(dialect = 'postgres') {
      expectProvider(folder, await readExpected(folder, PRISMA_LOCK), dialect)
      const { folders } = await namesIn(folder)
      const names = folders.filter((name) => !name.startsWith('.'))
      return await Promise.all(names.map((name) => readMigration(folder, name)))
    },
  }
}

/** The providers of Prisma that are for servers of a kind. */
const PROVIDERS: Readonly<Record<string, VersionDialect>> = {
  postgresql: 'postgres',
  postgres: 'postgres',
  mysql: 'mysql',
  sqlite: 'sqlite',
}

function expectProvider(folder: string, lock: string, dialect: VersionDialect): void {
  const provider = /^\s*provider\s*=\s*"([^"]*)"/m.exec(lock)?.[1]
  const said = { word: provider ?? 'no known provider', dialect: PROVIDERS[provider ?? ''] }
  expectDialect(join(folder, PRISMA_LOCK), said, dialect)
}

async function readMigration(folder: string, name: string): Promise<SourceVersion> {
  const upgradeFile = join(name, 'migration.sql')
  const downgradeFile = join(name, 'down.sql')
  const upgradeSql = await readExpected(folder, upgradeFile)
  const downgradeSql = downgradeOrNull(await readText(folder, downgradeFile), upgradeSql)
  return {
    revision: name,
    description: describe(name.replace(/^\d+/, '')),
    upgradeSql,
    downgradeSql,
    upgradeAt: { file: upgradeFile, line: 1 },
    native: { checksums: checksumsOf(upgradeSql) },
    ...(downgradeSql === null ? {} : { downgradeAt: { file: downgradeFile, line: 1 } }),
  }
}

/** Prisma takes a file for the same whatever its line ends. */
function checksumsOf(text: string): string[] {
  const forms = new Set([text, text.replaceAll('\r\n', '\n'), text.replaceAll(/\r?\n/g, '\r\n')])
  return [...forms].map((form) => createHash('sha256').update(form).digest('hex'))
}

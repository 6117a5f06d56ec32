/**
 * Prisma: `migrations/<timestamp>_<name>/migration.sql` in order of the folder names as text, and
 * `migration_lock.toml` that names the database. A `down.sql` beside it, as Prisma's guide on down migrations makes
 * it, is the way back.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { readText } from '../text-file.ts'
import { kindOfPath, namesIn, readExpected } from './folder.ts'
import { type Source, sourceInvalid, type SourceVersion } from './source.ts'
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
    async list() {
      expectPostgres(folder, await readExpected(folder, PRISMA_LOCK))
      const { folders } = await namesIn(folder)
      const names = folders.filter((name) => !name.startsWith('.'))
      return await Promise.all(names.map((name) => readMigration(folder, name)))
    },
  }
}

function expectPostgres(folder: string, lock: string): void {
  const provider = /^\s*provider\s*=\s*"([^"]*)"/m.exec(lock)?.[1]
  if (provider === 'postgresql' || provider === 'postgres') return
  throw sourceInvalid(
    `${join(folder, PRISMA_LOCK)} is for ${provider === undefined ? 'no known provider' : provider}, not for postgresql`,
    'Name a folder of migrations for PostgreSQL.',
  )
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

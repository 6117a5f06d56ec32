/**
 * Programs that come from the system, not from npm. A test that runs one asks here:
 *
 *     withProgram('pgbouncer').describe('a rollout by the pooler', () => { … })
 *
 * Missing, the tests are skipped and named at the end of the run; with CI=true or REQUIRE_ALL=1 the run fails.
 */
import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'vitest'

/** Where scripts/install-mysql.sh puts them: for all, or for one user. */
function unpacked(name: string): readonly string[] {
  const places = ['/var/cache', path.join(homedir(), '.cache')]
  return places.map((place) => path.join(place, 'tenantry/mysql/bin', name))
}

const PROGRAMS = {
  postgres15: ['/usr/lib/postgresql/15/bin/postgres'],
  initdb15: ['/usr/lib/postgresql/15/bin/initdb'],
  basebackup15: ['/usr/lib/postgresql/15/bin/pg_basebackup'],
  psql: ['/usr/lib/postgresql/15/bin/psql', '/usr/bin/psql'],
  pgbouncer: ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer'],
  mariadbd: ['/usr/sbin/mariadbd'],
  mariadb: ['/usr/bin/mariadb'],
  mariadbInstallDb: ['/usr/bin/mariadb-install-db'],
  mariadbDump: ['/usr/bin/mariadb-dump'],
  mysqld: unpacked('mysqld'),
  mysql: unpacked('mysql'),
  mysqldump: unpacked('mysqldump'),
  sqlite3: ['/usr/bin/sqlite3'],
  alembic: ['/usr/bin/alembic', '/usr/local/bin/alembic'],
  openssl: ['/usr/bin/openssl'],
  cc: ['/usr/bin/gcc', '/usr/bin/cc'],
} satisfies Record<string, readonly string[]>

export type ProgramName = keyof typeof PROGRAMS

export const HOW_TO_INSTALL = 'sudo npm run setup:system'

declare module 'vitest' {
  interface TaskMeta {
    /** The programs for want of which this test or group was skipped. */
    missingPrograms?: readonly (ProgramName | 'the right to mount')[]
  }
}

/** The program's path; undefined when it is not installed. */
function findProgram(name: ProgramName): string | undefined {
  return PROGRAMS[name].find((file) => existsSync(file))
}

/** The program's path. */
export function programPath(name: ProgramName): string {
  const found = findProgram(name)
  if (found === undefined) throw new Error(`${name} is not installed. Run: ${HOW_TO_INSTALL}`)
  return found
}

interface Runner {
  describe(title: string, body: () => void): void
  test(title: string, body: () => Promise<void> | void, timeoutMs?: number): void
}

/** Registers tests that run only where all the programs are installed. */
export function withProgram(...names: readonly ProgramName[]): Runner {
  const missing = names.filter((name) => findProgram(name) === undefined)
  if (missing.length === 0) {
    return {
      describe: (title, body) => void describe(title, body),
      test: (title, body, timeoutMs) => test(title, body, timeoutMs),
    }
  }
  if (everythingIsRequired()) {
    throw new Error(
      `These tests need ${missing.join(', ')}, and CI=true or REQUIRE_ALL=1. Run: ${HOW_TO_INSTALL}`,
    )
  }
  const options = { skip: true, meta: { missingPrograms: missing } }
  return {
    describe: (title, body) => void describe(title, options, body),
    test: (title, body) => test(title, options, body),
  }
}

function everythingIsRequired(): boolean {
  return process.env['CI'] === 'true' || process.env['REQUIRE_ALL'] === '1'
}

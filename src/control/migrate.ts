/** Brings the control database to the newest schema: numbered files, each applied once, in one transaction. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { TenantryError } from '../lib/errors.ts'
import type { Control, Queryable } from './control.ts'

const DIRECTORY = new URL('../../migrations/', import.meta.url)
/** Any constant: serialises processes that start at once. */
const LOCK = 7_406_812_001

interface Migration {
  readonly number: number
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

/**
 * Applies what is missing; safe to run from many processes at once.
 * @returns the names applied now.
 * @throws TenantryError `conflict` when the database is newer than this program or a file was edited.
 */
export async function migrateControl(control: Control): Promise<string[]> {
  const migrations = await readMigrations()
  return control.transaction(async (tx) => {
    await tx.query('set local statement_timeout = 0')
    await tx.query('set local lock_timeout = 0')
    await tx.query('select pg_advisory_xact_lock($1)', [LOCK])
    const applied = await appliedMigrations(tx)
    refuseDifferences(applied, migrations)
    const missing = migrations.filter((migration) => !applied.has(migration.number))
    for (const migration of missing) {
      await tx.query(migration.sql)
      await tx.query('insert into tenantry.schema_migrations (number, name, checksum) values ($1, $2, $3)', [
        migration.number,
        migration.name,
        migration.checksum,
      ])
    }
    return missing.map((migration) => migration.name)
  })
}

async function appliedMigrations(tx: Queryable): Promise<Map<number, { name: string; checksum: string }>> {
  const [known] = await tx.query<{ there: boolean }>(
    `select to_regclass('tenantry.schema_migrations') is not null as there`,
  )
  if (known?.there !== true) {
    await tx.query('create schema if not exists tenantry')
    await tx.query(`create table tenantry.schema_migrations (
      number integer primary key, name text not null, checksum text not null,
      applied_at timestamptz not null default now())`)
  }
  const rows = await tx.query<{ number: number; name: string; checksum: string }>(
    'select number, name, checksum from tenantry.schema_migrations',
  )
  return new Map(rows.map((row) => [row.number, row]))
}

function refuseDifferences(
  applied: Map<number, { name: string; checksum: string }>,
  migrations: readonly Migration[],
): void {
  for (const [number, row] of applied) {
    const ours = migrations.find((migration) => migration.number === number)
    if (ours === undefined) {
      throw new TenantryError(
        'conflict',
        `The control database has migration ${row.name}, which this Tenantry does not know.`,
        {
          nextSteps: ['It was migrated by a newer Tenantry: run that version or newer.'],
        },
      )
    }
    if (ours.checksum !== row.checksum) {
      throw new TenantryError(
        'conflict',
        `Migration ${row.name} was applied with checksum ${row.checksum}, the file has ${ours.checksum}.`,
        {
          nextSteps: ['Restore the released file: an applied migration never changes.'],
        },
      )
    }
  }
}

async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(DIRECTORY)).filter((name) => /^\d{4}_.*\.sql$/.test(name)).toSorted()
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, DIRECTORY), 'utf8')
      return {
        number: Number(name.slice(0, 4)),
        name,
        sql,
        checksum: createHash('sha256').update(sql).digest('hex'),
      }
    }),
  )
}

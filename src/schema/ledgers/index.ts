/** The ledgers of other tools: which there are, and which may be of a source. */
import type { SourceKind } from '../sources/source.ts'
import { alembic } from './alembic.ts'
import { atlas } from './atlas.ts'
import { dbmate } from './dbmate.ts'
import { drizzle } from './drizzle.ts'
import { flyway } from './flyway.ts'
import { golangMigrate } from './golang-migrate.ts'
import { goose } from './goose.ts'
import { knex } from './knex.ts'
import type { LedgerTool, NativeLedger } from './ledger.ts'
import { nodePgMigrate } from './node-pg-migrate.ts'
import { prisma } from './prisma.ts'
import { rails } from './rails.ts'
import { sequelize } from './sequelize.ts'
import { typeorm } from './typeorm.ts'

export const LEDGERS: Readonly<Record<LedgerTool, NativeLedger>> = {
  alembic,
  atlas,
  dbmate,
  drizzle,
  flyway,
  'golang-migrate': golangMigrate,
  goose,
  knex,
  'node-pg-migrate': nodePgMigrate,
  prisma,
  rails,
  sequelize,
  typeorm,
}

export const LEDGER_TOOLS = Object.keys(LEDGERS) as [LedgerTool, ...LedgerTool[]]

/** The tools that can have applied a source's migrations, unless one is named. */
export function ledgersOf(kind: SourceKind, named?: LedgerTool): NativeLedger[] {
  if (named !== undefined) return [LEDGERS[named]]
  return kind === 'sql' ? [dbmate, golangMigrate, goose, flyway] : [LEDGERS[kind]]
}

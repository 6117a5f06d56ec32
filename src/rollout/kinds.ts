/** The kinds of servers that rollouts work on. */
import type { ServerKind } from '../engine/address.ts'
import type { RolloutKind } from './kind.ts'
import { mysqlKind } from './mysql/kind.ts'
import { postgresKind } from './postgres/kind.ts'
import { sqliteKind } from './sqlite/kind.ts'

export const ROLLOUT_KINDS: Readonly<Record<ServerKind, RolloutKind>> = {
  postgres: postgresKind,
  mysql: mysqlKind,
  sqlite: sqliteKind,
}

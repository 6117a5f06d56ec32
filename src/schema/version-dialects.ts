/** What differs between versions by what their SQL is written in. */
import type { ServerKind } from '../engine/address.ts'
import { scriptOf } from './dialects/mysql/script.ts'
import { mysqlStepsOf } from './dialects/mysql/version-steps.ts'
import { statementsIn } from './dialects/sqlite/text/statements.ts'
import { sqliteStepsOf } from './dialects/sqlite/version-steps.ts'
import { splitStatements } from './operand/mysql-statements.ts'
import { closed, stepsOf } from './statements.ts'

/** What the SQL of a version is written in, and so the kind of server that it is for. */
export type VersionDialect = ServerKind

interface VersionRules {
  /** @throws TenantryError `invalid_input`, `source_invalid` for SQL that no version can hold */
  readonly check: (sql: string) => unknown
  /** The text so that other statements can follow it. */
  readonly close: (sql: string) => string
}

const RULES: Readonly<Record<VersionDialect, VersionRules>> = {
  postgres: { check: stepsOf, close: closed },
  mysql: { check: mysqlStepsOf, close: (sql) => scriptOf(splitStatements(sql)) },
  sqlite: {
    check: sqliteStepsOf,
    close: (sql) =>
      statementsIn(sql)
        .map((statement) => `${statement.sql}\n;\n`)
        .join(''),
  },
}

export function rulesFor(dialect: VersionDialect): VersionRules {
  return RULES[dialect]
}

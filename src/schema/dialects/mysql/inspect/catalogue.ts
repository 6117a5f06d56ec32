/** What the server's catalogue says: the names of everything in one message, then each one's definition. */
import { mysqlIdent } from '../../../../engine/mysql-sql.ts'
import type { Row, SchemaSession } from '../../dialect.ts'
import { queryAll } from '../session.ts'

export interface TableRow {
  readonly name: string
  readonly kind: 'table' | 'view' | 'sequence'
  readonly collation: string | null
  readonly rows: number
  readonly bytes: number
  readonly made: string | null
}

export interface TriggerRow {
  readonly name: string
  readonly table: string
  /** Timing and event: triggers with the same run one after the other. */
  readonly when: string
  readonly order: number
}

export type RoutineKind = 'procedure' | 'function' | 'package' | 'package body' | 'library'

export interface Catalogue {
  readonly database: string
  readonly version: string
  readonly charset: string
  readonly collation: string
  readonly tables: readonly TableRow[]
  /** Canonical text of views by name, with every name qualified. */
  readonly views: ReadonlyMap<string, string>
  readonly triggers: readonly TriggerRow[]
  readonly routines: readonly { readonly name: string; readonly kind: RoutineKind }[]
  readonly events: readonly string[]
  readonly grantees: readonly string[]
  /** By character set. */
  readonly defaultCollations: ReadonlyMap<string, string>
  /** Of the database, beside its character set. */
  readonly options: readonly string[]
}

const IN_DATABASE = [
  // The session's own variables keep what held when it connected.
  `SELECT DATABASE() AS name, VERSION() AS version, DEFAULT_CHARACTER_SET_NAME AS charset,
    DEFAULT_COLLATION_NAME AS collation FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()`,
  `SELECT TABLE_NAME AS name, TABLE_TYPE AS type, TABLE_COLLATION AS collation, TABLE_ROWS AS n,
    DATA_LENGTH + INDEX_LENGTH AS bytes, CAST(CREATE_TIME AS CHAR) AS made
  FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() ORDER BY BINARY TABLE_NAME`,
  `SELECT TABLE_NAME AS name, VIEW_DEFINITION AS text
  FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE()`,
  `SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS tab, CONCAT(ACTION_TIMING, ' ', EVENT_MANIPULATION) AS moment,
    ACTION_ORDER AS place FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()`,
  `SELECT ROUTINE_NAME AS name, ROUTINE_TYPE AS type
  FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE() /*!90200 UNION ALL
  SELECT LIBRARY_NAME, 'LIBRARY' FROM information_schema.LIBRARIES WHERE LIBRARY_SCHEMA = DATABASE() */`,
  `SELECT EVENT_NAME AS name FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()`,
  `SELECT DISTINCT GRANTEE AS name FROM information_schema.SCHEMA_PRIVILEGES WHERE TABLE_SCHEMA = DATABASE()
  UNION SELECT GRANTEE FROM information_schema.TABLE_PRIVILEGES WHERE TABLE_SCHEMA = DATABASE()
  UNION SELECT GRANTEE FROM information_schema.COLUMN_PRIVILEGES WHERE TABLE_SCHEMA = DATABASE()`,
  `SELECT CHARACTER_SET_NAME AS name, DEFAULT_COLLATE_NAME AS collation FROM information_schema.CHARACTER_SETS`,
  // MariaDB takes the rest for a comment.
  `SELECT '' AS text WHERE FALSE /*!80022 UNION ALL
    SELECT OPTIONS FROM information_schema.SCHEMATA_EXTENSIONS WHERE SCHEMA_NAME = DATABASE() AND OPTIONS <> '' UNION ALL
    SELECT 'DEFAULT ENCRYPTION' FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE() AND DEFAULT_ENCRYPTION = 'YES' */`,
]

/** Tables of Tenantry itself, and what an ALTER that was cut short leaves behind. */
const NOT_SCHEMA = /^(?:tenantry_ledger|#sql|#mysql50#)/

export async function readCatalogue(session: SchemaSession): Promise<Catalogue> {
  const found = await queryAll(session, IN_DATABASE)
  const [place = [], tables = [], views = [], triggers = [], routines = [], events = []] = found
  const [grantees = [], charsets = [], options = []] = found.slice(6)
  return {
    database: text(place[0], 'name'),
    version: text(place[0], 'version').replace(/^(\d[\d.]*(?:-MariaDB)?).*$/, '$1'),
    charset: text(place[0], 'charset'),
    collation: text(place[0], 'collation'),
    tables: tables.map(tableRow).filter(({ name }) => !NOT_SCHEMA.test(name)),
    views: new Map(views.map((row) => [text(row, 'name'), text(row, 'text')])),
    triggers: triggers.map((row) => ({
      name: text(row, 'name'),
      table: text(row, 'tab'),
      when: text(row, 'moment'),
      order: Number(row['place']),
    })),
    routines: routines.map((row) => ({
      name: text(row, 'name'),
      kind: text(row, 'type').toLowerCase() as RoutineKind,
    })),
    events: events.map((row) => text(row, 'name')),
    grantees: grantees.map((row) => text(row, 'name')),
    defaultCollations: new Map(charsets.map((row) => [text(row, 'name'), text(row, 'collation')])),
    options: options.map((row) => text(row, 'text')),
  }
}

function tableRow(row: Row): TableRow {
  const type = text(row, 'type')
  return {
    name: text(row, 'name'),
    kind: type.endsWith('VIEW') ? 'view' : type === 'SEQUENCE' ? 'sequence' : 'table',
    collation: row['collation'] === null ? null : text(row, 'collation'),
    rows: Number(row['n'] ?? 0),
    bytes: Number(row['bytes'] ?? 0),
    made: row['made'] === null ? null : text(row, 'made'),
  }
}

/** A column as text; binary strings, which some versions give for text, are UTF-8. */
function text(row: Row | undefined, column: string): string {
  const value = row?.[column]
  if (Buffer.isBuffer(value)) return value.toString('utf8')
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}

export interface Definition {
  /** `null`: hidden from this user. */
  readonly text: string | null
  readonly sqlMode: string
  readonly timeZone: string
  readonly charset: string
  readonly collation: string
}

/** The answers to SHOW CREATE, in the order asked. */
export async function definitionsOf(
  session: SchemaSession,
  wanted: readonly { readonly kind: string; readonly name: string }[],
): Promise<Definition[]> {
  const statements = wanted.map(({ kind, name }) => `SHOW CREATE ${kind.toUpperCase()} ${mysqlIdent(name)}`)
  return (await queryAll(session, statements)).map(([row]) => {
    const column = Object.keys(row ?? {}).find(
      (key) => /^(?:Create |SQL Original Statement)/i.test(key) && key !== 'Created',
    )
    const definition = column === undefined ? null : row?.[column]
    return {
      text: definition === null || definition === undefined ? null : text(row, column as string),
      sqlMode: text(row, 'sql_mode'),
      timeZone: text(row, 'time_zone'),
      charset: text(row, 'character_set_client'),
      collation: text(row, 'collation_connection'),
    }
  })
}

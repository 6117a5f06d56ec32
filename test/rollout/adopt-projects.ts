/** Projects of other tools for MySQL and SQLite, and what each of them writes about itself into such a database. */
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'

type OtherDialect = 'mysql' | 'sqlite'

export interface Project {
  readonly files: (dialect: OtherDialect) => Record<string, string>
  /** SQL as the tool would have run it after `count` of the two migrations. */
  readonly ledger: (dialect: OtherDialect, count: number) => string
  /** SQL after which the tool itself says that something is wrong, and what adopting then says. */
  readonly spoiled?: readonly [sql: string, outcome: string]
}

const A = 'CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(50))'
const B = 'CREATE INDEX customer_name ON customer (name)'
/** What the migrations do, which the tools have done, too. */
export const schemaAfter = (count: number): string => [A, B].slice(0, count).join('; ')

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const insert = (table: string, rows: readonly string[], count: number): string =>
  rows
    .slice(0, count)
    .map((row) => `; INSERT INTO ${table} VALUES (${row})`)
    .join('')

const ATLAS = { '20260101_a.sql': `${A};\n`, '20260102_b.sql': `${B};\n` }

function atlasSums(): { sum: string; hashes: string[] } {
  const running = createHash('sha256')
  const hashes: string[] = []
  const total = createHash('sha256')
  let lines = ''
  for (const [name, text] of Object.entries(ATLAS)) {
    const hash = running.update(name).update(text).copy().digest('base64')
    hashes.push(hash)
    total.update(name).update(hash)
    lines += `${name} h1:${hash}\n`
  }
  return { sum: `h1:${total.digest('base64')}\n${lines}`, hashes }
}

export const PROJECTS: Readonly<Record<string, Project>> = {
  dbmate: {
    files: () => ({
      '20260101000000_a.sql': `-- migrate:up\n${A};\n-- migrate:down\nDROP TABLE customer;\n`,
      '20260102000000_b.sql': `-- migrate:up\n${B};\n-- migrate:down\n`,
    }),
    ledger: (_, count) =>
      `CREATE TABLE schema_migrations (version VARCHAR(128) PRIMARY KEY)${insert('schema_migrations', [`'20260101000000'`, `'20260102000000'`], count)}`,
    spoiled: [`INSERT INTO schema_migrations VALUES ('20270101000000')`, 'unknown_entries'],
  },
  'golang-migrate': {
    files: () => ({ '000001_a.up.sql': A, '000002_b.up.sql': B }),
    ledger: (dialect, count) => {
      const columns =
        dialect === 'mysql'
          ? 'version BIGINT NOT NULL PRIMARY KEY, dirty BOOLEAN NOT NULL'
          : 'version uint64, dirty bool'
      const row = count === 0 ? '' : `; INSERT INTO schema_migrations VALUES (${count}, 0)`
      return `CREATE TABLE schema_migrations (${columns})${row}`
    },
    spoiled: ['UPDATE schema_migrations SET dirty = 1', 'unfinished_entries'],
  },
  goose: {
    files: () => ({ '00001_a.sql': `-- +goose Up\n${A};\n`, '00002_b.sql': `-- +goose Up\n${B};\n` }),
    ledger: (dialect, count) => {
      const id = dialect === 'mysql' ? 'id SERIAL NOT NULL' : 'id INTEGER PRIMARY KEY AUTOINCREMENT'
      const flag = dialect === 'mysql' ? 'BOOLEAN' : 'INTEGER'
      const rows = [0, 1, 2].slice(0, count + 1).map((version) => `(${version}, 1)`)
      return `CREATE TABLE goose_db_version (${id}, version_id BIGINT NOT NULL, is_applied ${flag} NOT NULL, tstamp TIMESTAMP NULL DEFAULT CURRENT_TIMESTAMP);
        INSERT INTO goose_db_version (version_id, is_applied) VALUES ${rows.join(', ')}`
    },
    spoiled: ['INSERT INTO goose_db_version (version_id, is_applied) VALUES (7, 1)', 'unknown_entries'],
  },
  Flyway: {
    files: () => ({ 'V1__a.sql': A, 'V2__b.sql': B }),
    ledger: (dialect, count) => {
      const on =
        dialect === 'mysql'
          ? 'TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP'
          : `TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f','now'))`
      const row = (rank: number, sql: string): string =>
        `${rank}, '${rank}', 'a', 'SQL', 'V${rank}', ${crc32(sql) | 0}, 'x', '2026-01-01 00:00:00', 1, 1`
      return `CREATE TABLE flyway_schema_history (installed_rank INT NOT NULL PRIMARY KEY, version VARCHAR(50),
        description VARCHAR(200) NOT NULL, type VARCHAR(20) NOT NULL, script VARCHAR(1000) NOT NULL, checksum INT,
        installed_by VARCHAR(100) NOT NULL, installed_on ${on}, execution_time INT NOT NULL, success BOOLEAN NOT NULL)
        ${insert('flyway_schema_history', [row(1, A), row(2, B)], count)}`
    },
    spoiled: ['UPDATE flyway_schema_history SET checksum = 1', 'changed_entries'],
  },
  Prisma: {
    files: (dialect) => ({
      'migration_lock.toml': `provider = "${dialect}"\n`,
      '20260101000000_a/migration.sql': A,
      '20260102000000_b/migration.sql': B,
    }),
    ledger: (_, count) => {
      const row = (name: string, sql: string): string =>
        `'${name}', '${sha256(sql)}', '2026-01-01 00:00:00', '${name}', NULL, NULL, '2026-01-01 00:00:00', 1`
      return `CREATE TABLE _prisma_migrations (id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL,
        finished_at DATETIME, migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at DATETIME,
        started_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP, applied_steps_count INTEGER NOT NULL DEFAULT 0)
        ${insert('_prisma_migrations', [row('20260101000000_a', A), row('20260102000000_b', B)], count)}`
    },
    spoiled: ['UPDATE _prisma_migrations SET finished_at = NULL', 'unfinished_entries'],
  },
  Drizzle: {
    files: (dialect) => ({
      'meta/_journal.json': JSON.stringify({
        dialect,
        entries: ['0000_a', '0001_b'].map((tag, idx) => ({ idx, tag, when: 1_760_000_000_000 + idx })),
      }),
      // Two statements, and a mark that is no comment on MySQL.
      '0000_a.sql': `${A}\n--> statement-breakpoint\nCREATE TABLE other (id INTEGER)`,
      '0001_b.sql': B,
    }),
    ledger: (dialect, count) => {
      const files = PROJECTS['Drizzle']?.files(dialect) ?? {}
      const row = (tag: string, at: number): string =>
        `NULL, '${sha256(files[`${tag}.sql`] ?? '')}', ${1_760_000_000_000 + at}`
      return `CREATE TABLE __drizzle_migrations (id SERIAL PRIMARY KEY, hash TEXT NOT NULL, created_at ${dialect === 'mysql' ? 'BIGINT' : 'numeric'})
        ${insert('__drizzle_migrations', [row('0000_a', 0), row('0001_b', 1)], count)}`
    },
    spoiled: [`UPDATE __drizzle_migrations SET hash = 'x', created_at = 7`, 'unknown_entries'],
  },
  Atlas: {
    files: () => ({ ...ATLAS, 'atlas.sum': atlasSums().sum }),
    ledger: (_, count) => {
      const { hashes } = atlasSums()
      const row = (version: string, at: number): string =>
        `'${version}', 'a', 2, 1, 1, '2026-01-01 00:00:00', 1, NULL, NULL, '${hashes[at] ?? ''}', NULL, ''`
      return `CREATE TABLE atlas_schema_revisions (version VARCHAR(255) PRIMARY KEY, description VARCHAR(255) NOT NULL,
        type BIGINT NOT NULL DEFAULT 2, applied BIGINT NOT NULL DEFAULT 0, total BIGINT NOT NULL DEFAULT 0,
        executed_at DATETIME NOT NULL, execution_time BIGINT NOT NULL, error TEXT, error_stmt TEXT, hash VARCHAR(255) NOT NULL,
        partial_hashes TEXT, operator_version VARCHAR(255) NOT NULL);
        INSERT INTO atlas_schema_revisions VALUES ('.atlas_cloud_identifier', 'id', 2, 0, 0, '2026-01-01 00:00:00', 0, NULL, NULL, '', NULL, '')
        ${insert('atlas_schema_revisions', [row('20260101', 0), row('20260102', 1)], count)}`
    },
    spoiled: [
      `UPDATE atlas_schema_revisions SET error = 'boom' WHERE version = '20260101'`,
      'unfinished_entries',
    ],
  },
  Knex: {
    files: (dialect) => ({
      'package.json': '{}',
      'knexfile.js': `module.exports = { client: '${dialect === 'mysql' ? 'mysql2' : 'better-sqlite3'}' }`,
      'migrations/20260101_a.js': `exports.up = (knex) => knex.schema.createTable('customer', (t) => { t.integer('id').primary(); t.string('name', 50) })
exports.down = (knex) => knex.schema.dropTable('customer')`,
      'migrations/20260102_b.js': `exports.up = async (knex) => { await knex('customer').insert({ id: 7, name: "it's" }); await knex.schema.raw('${B}') }
exports.down = () => {}`,
    }),
    ledger: (_, count) =>
      `CREATE TABLE knex_migrations (id INTEGER PRIMARY KEY, name VARCHAR(255), batch INTEGER, migration_time DATETIME);
       CREATE TABLE knex_migrations_lock (\`index\` INTEGER PRIMARY KEY, is_locked INTEGER);
       INSERT INTO knex_migrations_lock VALUES (1, 0)
       ${insert('knex_migrations', [`1, '20260101_a.js', 1, '2026-01-01 00:00:00'`, `2, '20260102_b.js', 1, '2026-01-01 00:00:00'`], count)}`,
    spoiled: ['UPDATE knex_migrations_lock SET is_locked = 1', 'unfinished_entries'],
  },
  Sequelize: {
    files: () => ({
      'package.json': '{}',
      'migrations/1-a.js': `module.exports = { up: (queryInterface, Sequelize) => queryInterface.createTable('customer', { id: { type: Sequelize.INTEGER, primaryKey: true }, name: Sequelize.STRING(50) }), down: () => {} }`,
      'migrations/2-b.js': `module.exports = { up: (queryInterface) => queryInterface.sequelize.transaction(async (transaction) => {
  await queryInterface.bulkInsert('customer', [{ id: 7, name: "it's" }], { transaction })
  await queryInterface.addIndex('customer', ['name'], { name: 'customer_name', transaction })
}), down: () => {} }`,
    }),
    ledger: (_, count) =>
      `CREATE TABLE SequelizeMeta (name VARCHAR(255) NOT NULL UNIQUE PRIMARY KEY)${insert('SequelizeMeta', [`'1-a.js'`, `'2-b.js'`], count)}`,
  },
  TypeORM: {
    files: () => ({
      'package.json': '{}',
      'migrations/1-a.js': `exports.A1767604320000 = class A1767604320000 {
  async up(queryRunner) { await queryRunner.query('${A}') } async down() {} }`,
      'migrations/2-b.js': `exports.B1767604320001 = class B1767604320001 {
  async up(queryRunner) { await queryRunner.query('INSERT INTO customer VALUES (?, ?)', [7, "it's"]); await queryRunner.query('${B}') } async down() {} }`,
    }),
    ledger: (_, count) =>
      `CREATE TABLE migrations (id INTEGER PRIMARY KEY, timestamp BIGINT NOT NULL, name VARCHAR(255) NOT NULL)
       ${insert('migrations', [`1, 1767604320000, 'A1767604320000'`, `2, 1767604320001, 'B1767604320001'`], count)}`,
  },
}

/** Alembic's takes its program, and its own migrations in Python. */
export const ALEMBIC: Project = {
  files: (dialect) => ({
    'alembic.ini': `[alembic]\nscript_location = %(here)s/m\nsqlalchemy.url = ${dialect}://\n[loggers]\nkeys = root\n[handlers]\nkeys = c\n[formatters]\nkeys = f\n[logger_root]\nlevel = INFO\nhandlers = c\n[handler_c]\nclass = StreamHandler\nargs = (sys.stderr,)\nformatter = f\n[formatter_f]\nformat = %%(levelname)-5.5s [%%(name)s] %%(message)s\n`,
    'm/env.py': `from logging.config import fileConfig
from alembic import context
fileConfig(context.config.config_file_name)
context.configure(url=context.config.get_main_option("sqlalchemy.url"), literal_binds=True)
with context.begin_transaction():
    context.run_migrations()
`,
    'm/script.py.mako': '',
    'm/versions/a1.py': revision('a1', 'None', A),
    'm/versions/b2.py': revision('b2', '"a1"', B),
  }),
  ledger: (_, count) =>
    `CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)${
      count === 0 ? '' : `; INSERT INTO alembic_version VALUES ('${count === 1 ? 'a1' : 'b2'}')`
    }`,
}

function revision(id: string, before: string, sql: string): string {
  return `"""${id}"""\nfrom alembic import op\nrevision = "${id}"\ndown_revision = ${before}\ndef upgrade():\n    op.execute("${sql}")\ndef downgrade():\n    pass\n`
}

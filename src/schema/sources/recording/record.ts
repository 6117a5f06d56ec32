/**
 * From the migrations of a project to their SQL: runs them with the project's own library in a process of its own
 * that has no database, no network, no right to write files or to start programs.
 */
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { childEnvironment } from '../../../config.ts'
import { run } from '../../../engine/exec.ts'
import { literal } from '../../../engine/sql.ts'
import { TenantryError } from '../../../lib/errors.ts'
import { createLexer } from '../../sql-lexer.ts'
import { closed } from '../../statements.ts'
import { rulesFor, type VersionDialect } from '../../version-dialects.ts'
import { locating, OFFLINE_URL, sourceInvalid, type SourceVersion } from '../source.ts'
import { downgradeOrNull, withoutTransaction } from '../sql/layout.ts'
import type {
  NoRecording,
  RecordedMigration,
  RecordedStatement,
  Recording,
  RecordingFailure,
  RecordingJob,
  RecordingReply,
} from './protocol.ts'

/** A project with hundreds of migrations takes seconds. */
const TIMEOUT_MS = 120_000

/**
 * Runs the job's migrations.
 * @param folder where the project's code is to believe it stands
 * @throws TenantryError `source_invalid` naming the migration and what it did; `program_missing` when the project's
 *   library is not installed
 */
export async function recordMigrations(job: RecordingJob, folder: string): Promise<RecordedMigration[]> {
  const program = fileURLToPath(new URL(`./supervise${extname(import.meta.filename)}`, import.meta.url))
  const result = await run(
    process.execPath,
    ['--permission', '--allow-fs-read=*', '--allow-worker', '--no-warnings', program],
    {
      cwd: folder,
      env: {
        ...childEnvironment(),
        TZ: 'UTC',
        // Many a configuration takes the URL from here, and some check it. Nothing connects to it.
        DATABASE_URL: OFFLINE_URL[job.dialect],
      },
      input: JSON.stringify(job),
      timeoutMs: TIMEOUT_MS,
    },
  ).catch((thrown: unknown) => {
    if (!(thrown instanceof TenantryError)) throw thrown
    throw sourceInvalid(
      `The migrations of ${job.at} could not be run: ${thrown.message}`,
      'See which of them takes so long or says so much.',
      thrown,
    )
  })
  const reply = replyOf(job, result.stdout, result.stderr)
  if ('failure' in reply) throw errorOf(job, reply.failure)
  return [...reply.migrations]
}

function replyOf(job: RecordingJob, stdout: string, stderr: string): RecordingReply {
  try {
    return JSON.parse(stdout) as RecordingReply
  } catch (cause) {
    const words = stripVTControlCharacters(stderr).trim().split('\n').at(-1) ?? ''
    throw sourceInvalid(
      `The migrations of ${job.at} could not be run: ${words === '' ? 'the process ended without a word' : words}`,
      'Run them with the tool itself on an empty database: it says the same.',
      cause,
    )
  }
}

function errorOf(job: RecordingJob, { why, file, message, line }: RecordingFailure): TenantryError {
  const place = file === '' || job.files === undefined ? join(job.at, '') : join(job.at, file)
  const named = file === '' ? job.at : place.replace(/\/$/, '')
  const where = `${file !== '' && job.files === undefined ? `${file} (${job.at})` : named}${line === undefined ? '' : `, line ${line}`}`
  if (why === 'library') {
    return new TenantryError(
      'program_missing',
      `The library ${message}, which ${job.at} needs, is not installed`,
      {
        nextSteps: [`Install the project's dependencies where it is: npm ci`],
      },
    )
  }
  if (why === 'answer') {
    return sourceInvalid(
      `${where} needs an answer from the database, and there is none while its SQL is written: ${message}`,
      'Do in SQL what the migration does with rows (update … from …, do $$ … $$), or write that one as SQL.',
    )
  }
  const denied = /Access to this API has been restricted|addons? is disabled|Cannot load native addon/.test(
    message,
  )
  return sourceInvalid(
    `${where} cannot be run: ${message}`,
    denied
      ? 'A migration may read files, and nothing else of the machine: take out of it, and of what it imports, what writes, starts programs or loads compiled addons.'
      : 'Run it with the tool itself on an empty database, and put it right there.',
  )
}

/** A recorded migration as a version; `revision` is the name that the ledger of its tool has. */
export function versionOfRecording(
  dialect: VersionDialect,
  migration: RecordedMigration,
  about: Pick<SourceVersion, 'revision' | 'description'>,
): SourceVersion {
  const upgradeSql = locating(migration.file, () => textOf(dialect, migration.up))
  const { down } = migration
  const downgradeSql = isMissing(down)
    ? null
    : downgradeOrNull(
        locating(`The way back of ${migration.file}`, () => textOf(dialect, down)),
        upgradeSql,
      )
  return {
    ...about,
    upgradeSql,
    downgradeSql,
    upgradeAt: { file: migration.file, line: 1 },
    downgradeAt: { file: migration.file, line: 1 },
    ...(isMissing(down) ? { downgradeMissing: down.missing } : {}),
  }
}

function isMissing(down: Recording | NoRecording): down is NoRecording {
  return 'missing' in down
}

function textOf(dialect: VersionDialect, { statements, transaction }: Recording): string {
  if (dialect !== 'postgres') {
    return statements.map((statement) => rulesFor(dialect).close(withLiterals(dialect, statement))).join('\n')
  }
  const sql = statements
    .map((statement) =>
      closed(inlined(statement))
        .trim()
        .replace(/;[\s;]*$/, ';'),
    )
    .filter((text) => text !== '')
    .map((text) => `${text}\n`)
    .join('\n')
  return transaction === false ? withoutTransaction(sql) : sql
}

/** What stands for a value, beside what could only look like it. */
const PLACES = {
  mysql:
    /'(?:[^'\\]|\\[^]|'')*'|"(?:[^"\\]|\\[^]|"")*"|`(?:[^`]|``)*`|--[ \t].*|#.*|\/\*[^]*?\*\/|\?|\$(?<number>\d+)/g,
  sqlite: /'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|--.*|\/\*[^]*?\*\/|\?|\$(?<number>\d+)/g,
}

function withLiterals(dialect: 'mysql' | 'sqlite', { sql, literals = [] }: RecordedStatement): string {
  if (literals.length === 0) return sql
  let next = 0
  return sql.replaceAll(PLACES[dialect], (found, number: string | undefined) => {
    if (number !== undefined) return literals[Number(number) - 1] ?? found
    return found === '?' ? (literals[next++] ?? found) : found
  })
}

/** The statement with its values in the places of `$1`, `$2` …, as PostgreSQL takes them: text of unknown type. */
function inlined({ sql, values }: RecordedStatement): string {
  if (values === undefined || values.length === 0) return sql
  const lexer = createLexer(sql)
  let text = ''
  let from = 0
  while (lexer.next() !== 'end') {
    if (lexer.kind !== 'parameter') continue
    const value = values[Number(sql.slice(lexer.start + 1, lexer.end)) - 1]
    text += sql.slice(from, lexer.start) + (value == null ? 'NULL' : literal(value))
    from = lexer.end
  }
  return text + sql.slice(from)
}

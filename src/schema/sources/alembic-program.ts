/** The real `alembic` program: where it is, how it is called, and what its failures mean. */
import { basename, delimiter, dirname, join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { childEnvironment } from '../../config.ts'
import { run, type RunResult, which } from '../../engine/exec.ts'
import { TenantryError } from '../../lib/errors.ts'
import { lastRunning } from './alembic-output.ts'
import type { VersionDialect } from '../version-dialects.ts'
import { DIALECT_NAMES, OFFLINE_URL, sourceInvalid } from './source.ts'

export interface Alembic {
  /** Of alembic.ini. */
  readonly config: string
  readonly program: string
}

/** A project with hundreds of revisions takes seconds. */
const TIMEOUT_MS = 120_000

const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin'

/**
 * The program for a project: of its own virtual environment (`.venv` or `venv` beside alembic.ini) when it has one,
 * since that holds what env.py imports; else of the active one, else of PATH.
 * @throws TenantryError `program_missing`
 */
export async function findAlembic(config: string): Promise<Alembic> {
  const { VIRTUAL_ENV: active, PATH: path = DEFAULT_PATH } = childEnvironment()
  const folder = dirname(config)
  const own = ['.venv', 'venv'].map((name) => join(folder, name, 'bin'))
  const activated = active === undefined ? [] : [join(active, 'bin')]
  const program = await which('alembic', [...own, ...activated, ...path.split(delimiter)])
  if (program !== undefined) return { config, program }
  throw new TenantryError('program_missing', `The program alembic, which ${config} needs, is not installed`, {
    nextSteps: [
      "Debian's alembic: sudo npm run setup:system",
      `Or for this project: python3 -m venv ${join(folder, '.venv')} && ${join(folder, '.venv/bin/pip')} install alembic`,
    ],
  })
}

/** Runs `alembic -c <config> <args>` in the project's folder; a failure is a result. */
export async function runAlembic(
  alembic: Alembic,
  args: readonly string[],
  dialect: VersionDialect = 'postgres',
): Promise<RunResult> {
  const result = await run(alembic.program, ['-c', `./${basename(alembic.config)}`, ...args], {
    cwd: dirname(alembic.config),
    env: {
      ...childEnvironment(),
      PYTHONDONTWRITEBYTECODE: '1',
      PYTHONUTF8: '1',
      PYTHONIOENCODING: 'utf-8',
      // Many an env.py takes the URL from here. Offline only the dialect counts; our own URL is not its business.
      DATABASE_URL: OFFLINE_URL[dialect],
    },
    timeoutMs: TIMEOUT_MS,
  })
  return { code: result.code, stdout: result.stdout, stderr: readable(result.stderr) }
}

/** Without control sequences, and without passwords of URLs. */
function readable(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[^\P{Cc}\n\t]/gu, '')
    .replaceAll(/(:\/\/[^\s:@/]*):[^\s@]*@/g, '$1:***@')
}

/** What alembic itself says is wrong, in one line. */
function wordsOf({ stdout, stderr }: RunResult): string {
  const failed = /^\s*FAILED: (.*)$/m.exec(`${readable(stdout)}\n${stderr}`)?.[1]
  // For a missing parent alembic warns in words, and then fails with a bare KeyError.
  const warning = /UserWarning: (Revision \S+ referenced from .* is not present)/.exec(stderr)?.[1]
  const lastLine = stderr.trim().split('\n').at(-1)?.trim()
  return failed ?? warning ?? (lastLine === undefined || lastLine === '' ? 'it gave no reason' : lastLine)
}

/** A downgrade that says of itself that there is none. */
export function isNotImplemented(result: RunResult): boolean {
  return result.code !== 0 && /^NotImplementedError\b/m.test(result.stderr)
}

/** The error for a run that failed. */
export function alembicFailure(alembic: Alembic, result: RunResult): TenantryError {
  const words = wordsOf(result)
  const revision = lastRunning(result.stdout)
  if (revision !== undefined && /NoneType|ResourceClosed|MockConnection/.test(words)) {
    return sourceInvalid(
      `Revision ${revision.revision} of ${alembic.config} reads from the database, and there is none while its SQL is ` +
        `written: ${words}`,
      'Do in SQL what its Python does with rows (op.execute("update … from …")), or branch on context.is_offline_mode().',
    )
  }
  const where = revision === undefined ? '' : `, in ${revision.direction} of revision ${revision.revision}`
  return sourceInvalid(
    `alembic cannot use ${alembic.config}${where}: ${words}`,
    adviceFor(words, result.stderr),
  )
}

function adviceFor(words: string, stderr: string): string {
  const module = /No module named '([\w.]+)'/.exec(words)?.[1]
  if (module !== undefined) {
    return `Install ${module} beside alembic: best in a virtual environment named .venv beside alembic.ini.`
  }
  if (/Can't load plugin: sqlalchemy\.dialects/.test(words)) {
    return 'Set sqlalchemy.url in alembic.ini, such as postgresql://localhost/any: only the dialect counts.'
  }
  if (words.startsWith('KeyError') && /\bos\b.*__getitem__|os\.environ/.test(stderr)) {
    return `env.py reads a variable that Tenantry does not hand on: give it a default, os.environ.get(${words.slice(10)}, "…").`
  }
  if (/OperationalError|could not translate host name|Connection refused|psycopg/.test(words)) {
    return 'env.py connects to a database: it must keep run_migrations_offline() and go by context.is_offline_mode().'
  }
  return 'Put it right in the project; `alembic history` and `alembic upgrade head --sql` show the same.'
}

/** As alembic names its implementations. */
const IMPLEMENTATIONS: Readonly<Record<string, VersionDialect>> = {
  Postgresql: 'postgres',
  MySQL: 'mysql',
  MariaDB: 'mysql',
  SQLite: 'sqlite',
}

/** @throws TenantryError `source_invalid` when the project is of another database */
export function expectImplementation(alembic: Alembic, { stderr }: RunResult, wanted: VersionDialect): void {
  const found = /Context impl (\w+)Impl/.exec(stderr)?.[1]
  if (found === undefined || IMPLEMENTATIONS[found] === wanted) return
  throw sourceInvalid(
    `${alembic.config} is for ${found}, not for ${DIALECT_NAMES[wanted]}`,
    `Set sqlalchemy.url = ${URLS[wanted]} in alembic.ini: only the dialect counts.${
      IMPLEMENTATIONS[found] === undefined
        ? ''
        : ` If ${found} is meant: --dialect ${IMPLEMENTATIONS[found]}.`
    }`,
  )
}

const URLS: Readonly<Record<VersionDialect, string>> = {
  postgres: 'postgresql://localhost/any',
  mysql: 'mysql://localhost/any',
  sqlite: 'sqlite:///any.db',
}

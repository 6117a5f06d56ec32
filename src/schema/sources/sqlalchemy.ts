/**
 * SQLAlchemy's models as CREATE statements, written by the project's own sqlalchemy with an engine that has neither
 * driver nor database (`create_mock_engine`).
 */
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import { childEnvironment } from '../../config.ts'
import { run, type RunResult, which } from '../../engine/exec.ts'
import { TenantryError } from '../../lib/errors.ts'
import { kindOfPath } from './folder.ts'
import type { VersionDialect } from '../version-dialects.ts'
import { OFFLINE_URL, sourceInvalid } from './source.ts'

export interface Models {
  /** Of the module: a `.py` file, or the folder of a package. */
  readonly path: string
  /** What in it has the tables: `Base`, `Base.metadata`, `metadata`. */
  readonly attribute: string
}

const URLS: Readonly<Record<VersionDialect, string>> = {
  postgres: 'postgresql://',
  mysql: 'mysql://',
  sqlite: 'sqlite://',
}

const TIMEOUT_MS = 60_000
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin'

/** `app/models.py:Base.metadata`, undefined for anything else. */
export function parseModels(text: string): Models | undefined {
  const [, path, attribute] = /^(.+):([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)$/s.exec(text) ?? []
  return path === undefined || attribute === undefined ? undefined : { path, attribute }
}

/** Answers with one JSON text; whatever the models print goes to standard error. */
const PROGRAM = `
import importlib, json, os, sys
folder, module, attribute, url = sys.argv[1:5]
out = os.fdopen(os.dup(1), 'w', encoding='utf-8')
os.dup2(2, 1)
sys.path.insert(0, folder)
from sqlalchemy import create_mock_engine
found = importlib.import_module(module)
for name in attribute.split('.'):
    found = getattr(found, name)
metadata = found if hasattr(found, 'create_all') else found.metadata
statements = []
engine = create_mock_engine(
    url, lambda ddl, *args, **kw: statements.append(str(ddl.compile(dialect=engine.dialect)).strip()))
metadata.create_all(engine, checkfirst=False)
out.write(json.dumps(statements))
`

/**
 * @throws TenantryError `program_missing` without Python or SQLAlchemy; `source_invalid` when the module or the
 *   attribute is not there or says that it fails
 */
export async function readModels(
  models: Models,
  dialect: VersionDialect = 'postgres',
): Promise<{ sql: string; files: string[] }> {
  const path = resolve(models.path)
  const kind = await kindOfPath(path)
  if (kind === 'absent') throw sourceInvalid(`The module ${models.path} does not exist`, 'Check the path.')
  const { folder, module } = await moduleOf(path)
  const args = ['-c', PROGRAM, folder, module, models.attribute, URLS[dialect]]
  const result = await runPython(dialect, folder, args)
  if (result.code !== 0) throw failure(models, result.stderr)
  const statements = JSON.parse(result.stdout) as string[]
  if (statements.length === 0) {
    throw sourceInvalid(
      `${models.path}:${models.attribute} has no tables`,
      'Import the modules of all models in it: SQLAlchemy knows only what was imported.',
    )
  }
  return { sql: statements.map((text) => `${text};\n`).join('\n'), files: [basename(path)] }
}

/** The dotted name of a module, and the folder that Python must know: the one above its outermost package. */
async function moduleOf(path: string): Promise<{ folder: string; module: string }> {
  const names = [basename(path).replace(/\.py$/, '')]
  let folder = dirname(path)
  while ((await kindOfPath(join(folder, '__init__.py'))) === 'file') {
    names.unshift(basename(folder))
    folder = dirname(folder)
  }
  return { folder, module: names.join('.') }
}

/**
 * Runs the first python3 that has SQLAlchemy: of the project's own virtual environment when it has one, else of the
 * active one, else of PATH. When none has, what the last one said.
 */
async function runPython(
  dialect: VersionDialect,
  folder: string,
  args: readonly string[],
): Promise<RunResult> {
  const { VIRTUAL_ENV: active, PATH: path = DEFAULT_PATH } = childEnvironment()
  const own = ['.venv', 'venv'].map((name) => join(folder, name, 'bin'))
  const activated = active === undefined ? [] : [join(active, 'bin')]
  let result: RunResult | undefined
  for (const directory of [...own, ...activated, ...path.split(delimiter)]) {
    const python = await which('python3', [directory])
    if (python === undefined) continue
    result = await run(python, args, {
      cwd: folder,
      env: {
        ...childEnvironment(),
        PYTHONDONTWRITEBYTECODE: '1',
        PYTHONUTF8: '1',
        DATABASE_URL: OFFLINE_URL[dialect],
      },
      timeoutMs: TIMEOUT_MS,
    })
    if (result.code === 0 || missingModule(result.stderr) !== 'sqlalchemy') return result
  }
  if (result !== undefined) return result
  throw new TenantryError(
    'program_missing',
    `The program python3, which the models in ${folder} need, is not installed`,
    { nextSteps: ["Debian's: sudo npm run setup:system"] },
  )
}

function missingModule(stderr: string): string | undefined {
  return /No module named '([\w.]+)'/.exec(lastLine(stderr))?.[1]
}

function lastLine(stderr: string): string {
  return stderr.trim().split('\n').at(-1)?.trim() ?? ''
}

function failure({ path, attribute }: Models, stderr: string): TenantryError {
  const module = missingModule(stderr)
  if (module === 'sqlalchemy') {
    return new TenantryError('program_missing', `SQLAlchemy, which ${path} needs, is not installed`, {
      nextSteps: [`Install it in a virtual environment named .venv beside the module.`],
    })
  }
  return sourceInvalid(
    `The models ${path}:${attribute} cannot be read: ${lastLine(stderr)}`,
    module === undefined
      ? 'Name the module and what in it has the tables, e.g. app/models.py:Base.metadata.'
      : `Install ${module} in a virtual environment named .venv beside the module.`,
  )
}

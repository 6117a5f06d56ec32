/** What `alembic` prints: its history, and the SQL of its offline mode. */
import { splitStatements, type Statement } from '../statements.ts'
import type { VersionDialect } from '../version-dialects.ts'

export interface AlembicRevision {
  readonly revision: string
  readonly parents: readonly string[]
  /** Revisions of other branches that must come first (`depends_on`). */
  readonly dependencies: readonly string[]
  readonly isHead: boolean
  /** The first line of its docstring. */
  readonly description: string
}

/** Reads `alembic history --verbose`, which has the newest first; gives the oldest first. */
export function parseHistory(text: string): AlembicRevision[] {
  // What a docstring says is indented, so a line that begins with `Rev:` begins an entry.
  const entries = `\n${text}`.split(/\nRev: /).slice(1)
  return entries.map(parseEntry).toReversed()
}

function parseEntry(entry: string): AlembicRevision {
  const [head = '', ...lines] = entry.split('\n')
  const [revision = '', ...flags] = head.split(' ')
  const field = (name: string): string[] => {
    const line = lines.find((text) => text.startsWith(`${name}: `))
    const values = line?.slice(name.length + 2).split(/,\s*/) ?? []
    return values.map((value) => value.trim()).filter((value) => value !== '' && value !== '<base>')
  }
  return {
    revision,
    parents: [...field('Parent'), ...field('Merges')],
    dependencies: field('Also depends on'),
    isHead: flags.includes('(head)'),
    description: lines.find((text) => text.startsWith('    ') && text.trim() !== '')?.trim() ?? '',
  }
}

export interface Running {
  readonly direction: 'upgrade' | 'downgrade'
  readonly revision: string
}

/** The comment that alembic writes before the SQL of each revision. */
const RUNNING = /^-- Running (?:upgrade .*? -> (\S+)|downgrade (\S+) -> .*?)\s*$/gm

function runningOf(match: RegExpMatchArray): Running {
  const [, up, down = ''] = match
  return up === undefined
    ? { direction: 'downgrade', revision: down }
    : { direction: 'upgrade', revision: up }
}

/** The revision that was being written last. */
export function lastRunning(stdout: string): Running | undefined {
  const match = [...stdout.matchAll(RUNNING)].at(-1)
  return match === undefined ? undefined : runningOf(match)
}

/**
 * The SQL of an offline run, with one change: on the way up from nothing alembic creates its own table, which a tenant
 * may already have, empty, from before or from an undo (newer versions of alembic leave it in place on the way back).
 */
export function runnable(stdout: string): string {
  const first = stdout.search(/^-- Running upgrade /m)
  const head = first === -1 ? '' : stdout.slice(0, first)
  return (
    head.replace(/^CREATE TABLE (?!IF NOT EXISTS )/m, 'CREATE TABLE IF NOT EXISTS ') +
    stdout.slice(head.length)
  )
}

export interface Segment {
  readonly revision: string
  /** With BEGIN and COMMIT added where a transaction reaches over its ends. */
  readonly sql: string
}

/**
 * The SQL of an offline run, cut at its revisions, in the order of the run. On MySQL and SQLite alembic puts no
 * transaction around them.
 */
export function segmentsOf(stdout: string, dialect: VersionDialect): Segment[] {
  const statements = dialect === 'postgres' ? splitStatements(stdout) : []
  const marks = [...stdout.matchAll(RUNNING)].filter(({ index }) => !isInside(statements, index))
  return marks.map((mark, at) => {
    // What comes before the first revision (BEGIN, the table alembic_version) belongs to it.
    const from = at === 0 ? 0 : mark.index
    const to = marks[at + 1]?.index ?? stdout.length
    const begin = isOpenAt(statements, from) ? 'BEGIN;\n\n' : ''
    const commit = isOpenAt(statements, to) ? '\n\nCOMMIT;' : ''
    return { revision: runningOf(mark).revision, sql: `${begin}${stdout.slice(from, to).trim()}${commit}\n` }
  })
}

function isInside(statements: readonly Statement[], offset: number): boolean {
  return statements.some(({ start, text }) => start < offset && offset < start + text.length)
}

function isOpenAt(statements: readonly Statement[], offset: number): boolean {
  const last = statements.findLast(({ kind, start }) => kind === 'transaction-control' && start < offset)
  return last !== undefined && /^(?:begin|start)\b/i.test(last.text)
}

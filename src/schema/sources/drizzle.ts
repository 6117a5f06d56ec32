/**
 * Drizzle: `meta/_journal.json` and `<tag>.sql`, statements parted by `--> statement-breakpoint`. Order of the
 * journal's `idx`: Drizzle itself goes by `when` and silently passes over entries that are older than the last one
 * applied. There is no way back.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { z } from 'zod'
import { messageOf } from '../../lib/errors.ts'
import { rulesFor, type VersionDialect } from '../version-dialects.ts'
import { kindOfPath, namesIn, readExpected } from './folder.ts'
import { expectDialect, locating, type Source, sourceInvalid, type SourceVersion } from './source.ts'
import { describe, expectUnique } from './sql/layout.ts'

const DRIZZLE_JOURNAL = join('meta', '_journal.json')

const BREAKPOINT = '--> statement-breakpoint'

/** As the journal names what it is for. */
const DIALECTS: Readonly<Record<string, VersionDialect>> = {
  postgresql: 'postgres',
  pg: 'postgres',
  mysql: 'mysql',
  sqlite: 'sqlite',
  turso: 'sqlite',
}

const journalSchema = z.object({
  dialect: z.string(),
  entries: z.array(
    z.object({
      idx: z.number().int().min(0),
      /** Milliseconds; `created_at` in Drizzle's own ledger. */
      when: z.number().optional(),
      // A file name in the folder and nothing else.
      tag: z.string().regex(/^[^./\\][^/\\]*$/, 'is not a file name'),
    }),
  ),
})

type Entry = z.output<typeof journalSchema>['entries'][number]

/** The folder with `meta/_journal.json`: `path`, or `drizzle` or `migrations` below it. */
export async function findDrizzle(path: string): Promise<string | undefined> {
  for (const folder of [path, join(path, 'drizzle'), join(path, 'migrations')]) {
    if ((await kindOfPath(join(folder, DRIZZLE_JOURNAL))) === 'file') return folder
  }
  return undefined
}

/** A source over Drizzle's migrations in `folder`; `path` is how the user named it. */
export function openDrizzle(folder: string, path: string): Source {
  return {
    kind: 'drizzle',
    path,
    async list(dialect = 'postgres') {
      const journal = await readExpected(folder, DRIZZLE_JOURNAL)
      const entries = readJournal(join(folder, DRIZZLE_JOURNAL), journal, dialect)
      await expectAllListed(folder, entries)
      return await Promise.all(entries.map((entry) => readMigration(folder, entry, dialect)))
    },
  }
}

function readJournal(path: string, text: string, wanted: VersionDialect): Entry[] {
  const { dialect, entries } = parseJournal(path, text)
  expectDialect(path, { word: dialect, dialect: DIALECTS[dialect] }, wanted)
  expectUnique(
    entries,
    ({ idx }) => String(idx),
    ({ tag }) => tag,
  )
  expectUnique(
    entries,
    ({ tag }) => tag,
    ({ tag }) => tag,
  )
  return entries.toSorted((a, b) => a.idx - b.idx)
}

function parseJournal(path: string, text: string): z.output<typeof journalSchema> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw sourceInvalid(
      `${path} is not JSON: ${messageOf(cause)}`,
      'Restore it, or run drizzle-kit generate.',
      cause,
    )
  }
  const parsed = journalSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ')
  throw sourceInvalid(
    `${path} is not a journal of Drizzle (${problems})`,
    'Restore it, or run drizzle-kit generate.',
  )
}

/** A migration that the journal does not list would never run, and nobody would be told. */
async function expectAllListed(folder: string, entries: readonly Entry[]): Promise<void> {
  const listed = new Set(entries.map(({ tag }) => `${tag}.sql`))
  const stray = (await namesIn(folder)).files.find((name) => /^\d+_.*\.sql$/.test(name) && !listed.has(name))
  if (stray === undefined) return
  throw sourceInvalid(
    `${join(folder, stray)} is not in ${DRIZZLE_JOURNAL}, so it would never run`,
    'Make migrations with drizzle-kit generate (--custom for SQL of your own), or move the file elsewhere.',
  )
}

async function readMigration(
  folder: string,
  { tag, when }: Entry,
  dialect: VersionDialect,
): Promise<SourceVersion> {
  const file = `${tag}.sql`
  const text = await readExpected(folder, file)
  return {
    revision: tag,
    description: describe(tag.replace(/^\d+/, '')),
    upgradeSql: locating(file, () => statementsOf(text, dialect)),
    downgradeSql: null,
    upgradeAt: { file, line: 1 },
    native: {
      ...(when === undefined ? {} : { id: String(when) }),
      checksums: [createHash('sha256').update(text).digest('hex')],
    },
  }
}

/** Drizzle ends a statement at its mark, semicolon or not. On MySQL the mark is no comment. */
function statementsOf(text: string, dialect: VersionDialect): string {
  const mark = dialect === 'mysql' ? '' : BREAKPOINT
  return text.split(BREAKPOINT).map(rulesFor(dialect).close).join(mark)
}

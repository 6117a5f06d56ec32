/** Versions that people write, looked at before a tenant meets them. */
import { HAZARDS, type HazardName } from '../plan/hazards.ts'
import { leadingLineComments } from '../sql-lexer.ts'
import { splitStatements, stepsOf } from '../statements.ts'
import { diff } from '../diff/diff.ts'
import { describeDrift } from '../drift/describe.ts'
import type { Snapshot } from '../snapshot/snapshot.ts'
import { lockWords, stoppingLock, type Books } from './books.ts'
import type { Finding, LintedVersion, LintInput, Rehearsed, Saying } from './finding.ts'
import type { Rehearsal, RehearsalPlace } from './rehearse.ts'
import { RULES } from './rules/index.ts'
import { askSquawk } from './squawk.ts'
import { isRewritten, staying, type Watched } from './watched.ts'

export interface LintTools {
  /** The program squawk, where it is there. */
  readonly squawk: string | undefined
  /** Where to rehearse; without it there is only the text. */
  readonly place?: RehearsalPlace | undefined
  readonly allow: readonly HazardName[]
}

/**
 * Looks at one version, and at its way back. Versions that build on each other are given in their order, with the same
 * tools.
 * @throws TenantryError `invalid_input`, `source_invalid` for SQL that cannot be run as a version
 */
export async function lintVersion(input: LintInput, tools: LintTools): Promise<LintedVersion[]> {
  stepsOf(input.sql)
  const { downgrade } = input
  const { place } = tools
  if (downgrade !== undefined) stepsOf(downgrade.sql)
  const origin = downgrade === undefined || place === undefined ? undefined : await originOf(place)
  const rehearsal = await place?.run(input)
  const upgrade = await lintUpgrade(input, tools, rehearsal)
  if (place === undefined || downgrade === undefined || origin === undefined) return [upgrade]
  if (rehearsal?.failure !== undefined) return [upgrade]
  return [upgrade, await lintDowngrade(place, input, downgrade, origin, tools.allow)]
}

async function lintUpgrade(
  input: LintInput,
  tools: LintTools,
  rehearsal: Rehearsal | undefined,
): Promise<LintedVersion> {
  const finding = findingMaker(input, input, tools.allow)
  const rehearsed = new Set(rehearsal?.watched.map(({ statement }) => statement))
  if (rehearsal?.failure !== undefined) rehearsed.add(rehearsal.failure.statement)
  const { squawk } = tools
  const concluded =
    squawk === undefined ? [] : await askSquawk(squawk, input.sql, splitStatements(input.sql), rehearsed)
  const findings = [
    ...(rehearsal?.watched ?? []).flatMap((watched) =>
      sayingsOf(watched).map((saying) => finding(saying, watched)),
    ),
    ...(rehearsal === undefined ? [] : endings(rehearsal)).map(({ saying, ...at }) => finding(saying, at)),
    ...concluded.map(({ statement, line, ...saying }) =>
      finding(saying, { statement, line: line + input.firstLine - 1 }, 'squawk'),
    ),
  ]
  return linted(input, input, 'upgrade', findings, rehearsal)
}

interface Origin {
  readonly schema: Snapshot
  readonly books: Books
}

async function originOf(place: RehearsalPlace): Promise<Origin> {
  return { schema: await place.inspect(), books: await place.books() }
}

/**
 * The way back is run as an undo would, then the version once more. Only that it fails is an error: what an undo does
 * is no reason to hold the version back, and is to be known before it is needed.
 */
async function lintDowngrade(
  place: RehearsalPlace,
  input: LintInput,
  downgrade: NonNullable<LintInput['downgrade']>,
  origin: Origin,
  allow: readonly HazardName[],
): Promise<LintedVersion> {
  const finding = findingMaker(input, downgrade, allow)
  const rehearsal = await place.run(downgrade, origin.books)
  const seen = rehearsal.watched.flatMap((watched) =>
    sayingsOf(withoutNews(watched, origin.books))
      .map((saying): Saying => (saying.level === 'error' ? { ...saying, level: 'warning' } : saying))
      .map((saying) => finding(saying, watched)),
  )
  const last = rehearsal.watched.at(-1) ?? { statement: 1, line: downgrade.firstLine }
  const left = rehearsal.failure === undefined ? diff(await place.inspect(), origin.schema) : []
  const again = rehearsal.failure === undefined ? (await place.run(input)).failure : undefined
  const findings = [
    ...seen,
    ...endings(rehearsal).map(({ saying, ...at }) => finding(saying, at)),
    ...(left.length === 0 ? [] : [finding(notBack(describeDrift(left)), last)]),
    ...(again === undefined ? [] : [finding(notAgain(again.message), last)]),
  ]
  return linted(input, downgrade, 'downgrade', findings, rehearsal)
}

/** What the version itself has made is no loss when it is taken back. */
function withoutNews(watched: Watched, origin: Books): Watched {
  const columns = new Map([...watched.before.columns].filter(([key]) => origin.columns.has(key)))
  return { ...watched, before: { ...watched.before, columns } }
}

const MOST_SAID = 3

function notBack(sentences: readonly string[]): Saying {
  const more = sentences.length - MOST_SAID
  const said = sentences.slice(0, MOST_SAID).join('; ') + (more > 0 ? `; and ${more} more` : '')
  return {
    rule: 'not-back',
    hazard: null,
    level: 'warning',
    message: `After it the schema is not what it was before the version: ${said}.`,
    instead: 'Take back all that the version does, or leave the downgrade out: then no undo is offered.',
  }
}

function notAgain(why: string): Saying {
  return {
    rule: 'not-again',
    hazard: null,
    level: 'error',
    message: `After it the version cannot be applied once more: ${why}.`,
    instead: 'Take back all that the version does.',
  }
}

function sayingsOf(watched: Watched): Saying[] {
  return RULES.flatMap((rule) => rule(watched))
}

interface Place {
  readonly statement: number
  readonly line: number
}

function findingMaker(
  input: LintInput,
  text: Pick<LintInput, 'file' | 'sql'>,
  given: readonly HazardName[],
): (saying: Saying, at: Place, source?: Finding['source']) => Finding {
  const allow = [...given, ...allowedIn(text.sql)]
  return (saying, { statement, line }, source = 'rehearsal') => ({
    version: input.name,
    file: text.file,
    statement,
    line,
    source,
    ...saying,
    allowed: saying.hazard !== null && allow.includes(saying.hazard),
  })
}

function linted(
  input: LintInput,
  text: Pick<LintInput, 'file'>,
  direction: LintedVersion['direction'],
  findings: readonly Finding[],
  rehearsal: Rehearsal | undefined,
): LintedVersion {
  return {
    name: input.name,
    direction,
    file: text.file,
    findings: findings.toSorted((a, b) => a.statement - b.statement),
    rehearsed: (rehearsal?.watched ?? []).map(factsOf),
  }
}

/** Findings that keep a version from passing: it fails, or does what nobody has allowed. */
export function openFindings(versions: readonly LintedVersion[]): Finding[] {
  return versions.flatMap(({ findings }) =>
    findings.filter(({ level, allowed }) => level === 'error' && !allowed),
  )
}

const DIRECTIVE = /^--\s*tenantry:\s*allow\s+(.+?)\s*$/i

/** Hazards that the version itself names on top: `-- tenantry: allow data-loss`. */
function allowedIn(sql: string): HazardName[] {
  const names = leadingLineComments(sql).flatMap(
    (comment) => DIRECTIVE.exec(comment)?.[1]?.split(/[\s,]+/) ?? [],
  )
  return names.filter((name): name is HazardName => Object.hasOwn(HAZARDS, name))
}

interface Ending {
  readonly saying: Saying
  readonly statement: number
  readonly line: number
}

function endings({ failure, leftOut }: Rehearsal): Ending[] {
  const skipped = leftOut.map((place): Ending => ({
    saying: {
      rule: 'not-rehearsed',
      hazard: null,
      level: 'note',
      message: 'It was not tried: it concerns the whole server, not one database.',
      instead: null,
    },
    ...place,
  }))
  if (failure === undefined) return skipped
  const missing = failure.sqlstate?.startsWith('42') === true && /does not exist/.test(failure.message)
  return [
    ...skipped,
    {
      saying: {
        rule: 'fails',
        hazard: null,
        level: 'error',
        message: `It fails, and what follows was not tried: ${failure.message} (SQLSTATE ${failure.sqlstate}).`,
        instead: missing
          ? 'If the schema has it, say where the version begins: --on DATABASE, SNAPSHOT or SQL.'
          : null,
      },
      statement: failure.statement,
      line: failure.line,
    },
  ]
}

function factsOf(watched: Watched): Rehearsed {
  const relations = staying(watched).filter(
    ({ before }) => 'rpm'.includes(before.kind) && before.root === null,
  )
  return {
    statement: watched.statement,
    line: watched.line,
    inTransaction: watched.inTransaction,
    locks: relations.flatMap(({ before, after }) => {
      const mode = stoppingLock(after)
      return mode === undefined || mode === stoppingLock(before)
        ? []
        : [{ relation: after.name, mode: lockWords(mode) }]
    }),
    rewritten: relations.filter(isRewritten).map(({ after }) => after.name),
  }
}

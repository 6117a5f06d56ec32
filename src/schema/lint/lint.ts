/** Versions that people write, looked at before a tenant meets them. */
import { diff } from '../diff/diff.ts'
import { describeDrift } from '../drift/describe.ts'
import type { HazardName } from '../plan/hazards.ts'
import { splitStatements } from '../statements.ts'
import { rulesFor } from '../version-dialects.ts'
import { originOfBooks, tryByBooks } from './by-books.ts'
import { originOfSchema, tryBySchema } from './by-schema.ts'
import type { LintedVersion, LintInput, Origin, Saying, Tried } from './finding.ts'
import { endings, findingMaker, linted, notAgain, notBack } from './findings.ts'
import type { RehearsalPlace } from './rehearse.ts'
import { SchemaPlace } from './schema-place.ts'
import { askSquawk } from './squawk.ts'

export interface LintTools {
  /** The program squawk, where it is there: it reads PostgreSQL's SQL. */
  readonly squawk: string | undefined
  /** Where to rehearse, on a server of the versions' kind; without it there is only the text. */
  readonly place?: RehearsalPlace | SchemaPlace | undefined
  readonly allow: readonly HazardName[]
}

/**
 * Looks at one version, and at its way back. Versions that build on each other are given in their order, with the same
 * tools.
 * @throws TenantryError `invalid_input`, `source_invalid` for SQL that cannot be run as a version
 */
export async function lintVersion(input: LintInput, tools: LintTools): Promise<LintedVersion[]> {
  const { downgrade, dialect = 'postgres' } = input
  const { place } = tools
  rulesFor(dialect).check(input.sql)
  if (downgrade !== undefined) rulesFor(dialect).check(downgrade.sql)
  const origin = downgrade === undefined || place === undefined ? undefined : await originOf(place)
  const tried = place === undefined ? undefined : await tryText(place, input)
  const upgrade = await lintUpgrade(input, tools, tried)
  if (place === undefined || downgrade === undefined || origin === undefined) return [upgrade]
  if (tried === undefined || tried.failure !== undefined || tried.heldBy !== undefined) return [upgrade]
  return [upgrade, await lintDowngrade(place, input, downgrade, origin, tools.allow)]
}

function originOf(place: RehearsalPlace | SchemaPlace): Promise<Origin> {
  return place instanceof SchemaPlace ? originOfSchema(place) : originOfBooks(place)
}

type Text = Pick<LintInput, 'sql' | 'firstLine'>

/** @param origin what counts as there before it; what is there now when absent */
function tryText(place: RehearsalPlace | SchemaPlace, text: Text, origin?: Origin): Promise<Tried> {
  return place instanceof SchemaPlace ? tryBySchema(place, text, origin) : tryByBooks(place, text, origin)
}

async function lintUpgrade(
  input: LintInput,
  tools: LintTools,
  tried: Tried | undefined,
): Promise<LintedVersion> {
  const finding = findingMaker(input, input, tools.allow)
  const squawk = (input.dialect ?? 'postgres') === 'postgres' ? tools.squawk : undefined
  const concluded =
    squawk === undefined
      ? []
      : await askSquawk(squawk, input.sql, splitStatements(input.sql), new Set(tried?.statements))
  const findings = [
    ...(tried === undefined ? [] : [...tried.told, ...endings(tried)]).map(({ saying, ...at }) =>
      finding(saying, at),
    ),
    ...concluded.map(({ statement, line, ...saying }) =>
      finding(saying, { statement, line: line + input.firstLine - 1 }, 'squawk'),
    ),
  ]
  return linted(input, input, 'upgrade', findings, tried?.rehearsed)
}

/**
 * The way back is run as an undo would, then the version once more. Only that it fails is an error: what an undo does
 * is no reason to hold the version back, and is to be known before it is needed.
 */
async function lintDowngrade(
  place: RehearsalPlace | SchemaPlace,
  input: LintInput,
  downgrade: NonNullable<LintInput['downgrade']>,
  origin: Origin,
  allow: readonly HazardName[],
): Promise<LintedVersion> {
  const finding = findingMaker(input, downgrade, allow)
  const tried = await tryText(place, downgrade, origin)
  const seen = tried.told.map(({ saying, ...at }) => finding(milder(saying), at))
  const last = tried.last ?? { statement: 1, line: downgrade.firstLine }
  const left = tried.failure === undefined ? diff(await place.inspect(), origin.schema) : []
  const again = tried.failure === undefined ? (await tryText(place, input)).failure : undefined
  const findings = [
    ...seen,
    ...endings(tried).map(({ saying, ...at }) => finding(saying, at)),
    ...(left.length === 0 ? [] : [finding(notBack(describeDrift(left)), last)]),
    ...(again === undefined ? [] : [finding(notAgain(again.message), last)]),
  ]
  return linted(input, downgrade, 'downgrade', findings, tried.rehearsed)
}

function milder(saying: Saying): Saying {
  return saying.level === 'error' ? { ...saying, level: 'warning' } : saying
}

/** Versions that people write, looked at before a tenant meets them. */
import { HAZARDS, type HazardName } from '../plan/hazards.ts'
import { leadingLineComments } from '../sql-lexer.ts'
import { splitStatements, stepsOf } from '../statements.ts'
import { lockWords, stoppingLock } from './books.ts'
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
 * Looks at one version. Versions that build on each other are given in their order, with the same tools.
 * @throws TenantryError `invalid_input`, `source_invalid` for SQL that cannot be run as a version
 */
export async function lintVersion(input: LintInput, tools: LintTools): Promise<LintedVersion> {
  stepsOf(input.sql)
  const statements = splitStatements(input.sql)
  const rehearsal = await tools.place?.run(input)
  const allow = [...tools.allow, ...allowedIn(input.sql)]
  const finding = (saying: Saying, statement: number, line: number, source: Finding['source']): Finding => ({
    version: input.name,
    file: input.file,
    statement,
    line,
    source,
    ...saying,
    allowed: saying.hazard !== null && allow.includes(saying.hazard),
  })
  const seen = (rehearsal?.watched ?? []).flatMap((watched) =>
    RULES.flatMap((rule) => rule(watched)).map((saying) =>
      finding(saying, watched.statement, watched.line, 'rehearsal'),
    ),
  )
  const ended = rehearsal === undefined ? [] : endings(rehearsal)
  const rehearsed = new Set(rehearsal?.watched.map(({ statement }) => statement))
  if (rehearsal?.failure !== undefined) rehearsed.add(rehearsal.failure.statement)
  const { squawk } = tools
  const concluded = squawk === undefined ? [] : await askSquawk(squawk, input.sql, statements, rehearsed)
  const findings = [
    ...seen,
    ...ended.map(({ saying, statement, line }) => finding(saying, statement, line, 'rehearsal')),
    ...concluded.map(({ statement, line, ...saying }) =>
      finding(saying, statement, line + input.firstLine - 1, 'squawk'),
    ),
  ]
  return {
    name: input.name,
    file: input.file,
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

/** From what was seen to findings: where each stands, whether it was allowed, and how a rehearsal ended. */
import { HAZARDS, type HazardName } from '../plan/hazards.ts'
import { leadingLineComments } from '../sql-lexer.ts'
import type {
  Finding,
  LintedVersion,
  LintInput,
  Rehearsed,
  Saying,
  StatementPlace,
  Tried,
} from './finding.ts'

/** Findings that keep a version from passing: it fails, or does what nobody has allowed. */
export function openFindings(versions: readonly LintedVersion[]): Finding[] {
  return versions.flatMap(({ findings }) =>
    findings.filter(({ level, allowed }) => level === 'error' && !allowed),
  )
}

export function findingMaker(
  input: LintInput,
  text: Pick<LintInput, 'file' | 'sql'>,
  given: readonly HazardName[],
): (saying: Saying, at: StatementPlace, source?: Finding['source']) => Finding {
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

const DIRECTIVE = /^--\s*tenantry:\s*allow\s+(.+?)\s*$/i

/** Hazards that the version itself names on top: `-- tenantry: allow data-loss`. */
function allowedIn(sql: string): HazardName[] {
  const names = leadingLineComments(sql).flatMap(
    (comment) => DIRECTIVE.exec(comment)?.[1]?.split(/[\s,]+/) ?? [],
  )
  return names.filter((name): name is HazardName => Object.hasOwn(HAZARDS, name))
}

export function linted(
  input: LintInput,
  text: Pick<LintInput, 'file'>,
  direction: LintedVersion['direction'],
  findings: readonly Finding[],
  rehearsed: readonly Rehearsed[] = [],
): LintedVersion {
  return {
    name: input.name,
    direction,
    file: text.file,
    findings: findings.toSorted((a, b) => a.statement - b.statement),
    rehearsed,
  }
}

const MOST_SAID = 3

export function notBack(sentences: readonly string[]): Saying {
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

export function notAgain(why: string): Saying {
  return {
    rule: 'not-again',
    hazard: null,
    level: 'error',
    message: `After it the version cannot be applied once more: ${why}.`,
    instead: 'Take back all that the version does.',
  }
}

interface Ending extends StatementPlace {
  readonly saying: Saying
}

/** How it ended, where that is to be known. */
export function endings({ failure, leftOut, heldBy }: Tried): Ending[] {
  const whole = 'It was not tried: it concerns the whole server, not one database.'
  const skipped = [
    ...leftOut.map((place): Ending => ({ saying: notRehearsed(whole), ...place })),
    ...(heldBy === undefined
      ? []
      : [{ saying: notRehearsed('It was not tried: a version before it failed half way.'), ...heldBy }]),
  ]
  if (failure === undefined) return skipped
  const missing =
    failure.sqlstate?.startsWith('42') === true &&
    /does(?: not|n't) exist|no such (?:table|column)/.test(failure.message)
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

function notRehearsed(message: string): Saying {
  return { rule: 'not-rehearsed', hazard: null, level: 'note', message, instead: null }
}

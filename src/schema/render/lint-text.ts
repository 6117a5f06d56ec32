/** Findings of a lint as a person reads them: by version, by statement, each with what to write instead. */
import type { Finding, LintedVersion, Rehearsed } from '../lint/finding.ts'
import type { Style } from './style.ts'

const COLOURS = { error: 'red', warning: 'yellow', note: 'dim' } as const

/** Lines; none for versions without a finding. */
export function renderLint(versions: readonly LintedVersion[], style: Style): string[] {
  return versions.flatMap((version) => {
    if (version.findings.length === 0) return []
    const name = version.direction === 'upgrade' ? version.name : `${version.name}, its downgrade`
    const title = version.file === null || version.file === version.name ? name : `${name}  ${version.file}`
    const statements = [...new Set(version.findings.map(({ statement, line }) => `${statement} ${line}`))]
    return [
      style.paint('bold', style.clean(title)),
      ...statements.flatMap((key) => {
        const findings = version.findings.filter(({ statement, line }) => `${statement} ${line}` === key)
        return statementLines(findings, version.rehearsed, style)
      }),
    ]
  })
}

function statementLines(
  findings: readonly Finding[],
  rehearsed: readonly Rehearsed[],
  style: Style,
): string[] {
  const [first] = findings
  const facts = rehearsed.find(({ statement }) => statement === first?.statement)
  const locks = facts?.locks.map(({ relation, mode }) => `${relation} ${mode}`) ?? []
  const did = locks.length === 0 ? '' : `  locks ${locks.join(', ')}`
  return [
    `  line ${first?.line}${style.paint('dim', style.clean(did))}`,
    ...findings.flatMap((finding) => findingLines(finding, style)),
  ]
}

function findingLines({ rule, hazard, level, message, instead, allowed }: Finding, style: Style): string[] {
  const named = hazard === null || rule === hazard ? rule : `${hazard} (${rule})`
  const leave = allowed ? ' [allowed]' : ''
  const colour = allowed ? 'dim' : COLOURS[level]
  return [
    style.paint(colour, `    ${level} ${named}${leave}: ${style.clean(message)}`),
    ...(instead === null ? [] : [`      → ${style.clean(instead)}`]),
  ]
}

/** Drift as the command line shows it. */
import type { Answer, Item } from './api.ts'
import type { Cli } from './cli.ts'
import { count, moment } from './format.ts'
import { followOperation } from './operations.ts'
import type { WaitOptions } from './options.ts'
import type { View } from './output.ts'
import { gather } from './pages.ts'
import { writeOut } from './schema/out-file.ts'

type Drift = Answer<'drift.list'>

export const FINDING_VIEW: View<Item<'drift.tenants'>> = {
  name: (finding) => finding.tenant,
  columns: [
    { title: 'TENANT', value: (finding) => finding.tenant },
    { title: 'SERVER', value: (finding) => finding.server },
    { title: 'STATE', value: stateOf },
    { title: 'DIFFERENCE', value: (finding) => finding.difference },
    { title: 'ERROR', value: (finding) => finding.error },
    { title: 'READ FROM', value: (finding) => finding.read_from, wide: true },
    { title: 'SINCE', value: (finding) => moment(finding.since), wide: true },
    { title: 'CHECKED', value: (finding) => moment(finding.checked_at), wide: true },
    { title: 'LOOKED AT', value: (finding) => moment(finding.looked_at), wide: true },
  ],
}

function stateOf(finding: Item<'drift.tenants'>): string {
  if (finding.repaired_at !== null) return 'repaired'
  return finding.ignored ? 'ignored' : finding.state.replace('_', ' ')
}

/**
 * Scans and waits.
 * @returns what was found, or undefined when the watcher let go
 */
export async function scanAndWait(
  cli: Cli,
  options: WaitOptions & {
    selector: string
    expected?: string
    maxConnections?: number
    primary?: boolean
    full?: boolean
  },
): Promise<(Drift & { scan: string }) | undefined> {
  const api = await cli.api()
  const started = await api.call(api.at('drift.scan'), {
    body: {
      selector: options.selector,
      expected: options.expected,
      max_connections: options.maxConnections,
      primary: options.primary ?? false,
      full: options.full ?? false,
    },
  })
  const scan = started.operation_id
  if ((await followOperation(cli, api, scan, options)) === undefined) return undefined
  const found = await api.call(api.at('drift.list'), { query: { selector: options.selector, scan } })
  return { ...found, scan }
}

const SENTENCES_SHOWN = 5
const PLACES_SHOWN = 3

/**
 * Ways to differ with their sentences, the most frequent first; then how many are in sync.
 * @param asOf also when that was seen, for what is not of just now
 */
export function showDrift(cli: Cli, drift: Drift, asOf = false): void {
  if (asOf && drift.checked === null && cli.output.forPeople)
    cli.output.say('None of these tenants has been looked at yet: tenantry drift scan')
  else if (cli.output.forPeople) cli.output.value(drift, textOf(drift, asOf))
  else cli.output.list(drift.groups, GROUP_VIEW, { body: drift })
}

const GROUP_VIEW: View<Drift['groups'][number]> = {
  name: (group) => group.key,
  columns: [
    { title: 'DIFFERENCE', value: (group) => group.key },
    { title: 'TENANTS', value: (group) => group.tenants },
    { title: 'IGNORED', value: (group) => group.ignored },
    { title: 'SINCE', value: (group) => moment(group.since) },
    { title: 'EXAMPLES', value: (group) => group.examples.join(' ') },
    { title: 'SUMMARY', value: (group) => group.summary.join('; ') },
  ],
}

function namesOf({ tenants, examples }: { readonly tenants: number; readonly examples: string[] }): string {
  return examples.join(', ') + (tenants > examples.length ? ', …' : '')
}

function textOf({ counts, groups, unreachable, read_from: readings, checked }: Drift, asOf: boolean): string {
  const lines = groups.flatMap((group) => {
    const ignored = group.ignored === 0 ? '' : ` (${count(group.ignored)} ignored)`
    const more = group.summary.length - SENTENCES_SHOWN
    return [
      `${group.key}  ${tenantCount(group.tenants)}${ignored}: ${namesOf(group)}${sinceText(group, checked, asOf)}`,
      ...group.summary.slice(0, SENTENCES_SHOWN).map((sentence) => `  ${sentence}`),
      ...(more > 0 ? [`  and ${more} more: tenantry drift show ${group.key}`] : []),
    ]
  })
  const away = unreachable.flatMap((reason) => [
    `unreachable  ${tenantCount(reason.tenants)}: ${namesOf(reason)}`,
    `  ${reason.error}`,
  ])
  const parts = [
    `${tenantCount(counts.in_sync)} in sync`,
    `${count(counts.different)} different`,
    ...(counts.ignored > 0 ? [`${count(counts.ignored)} of these ignored`] : []),
    ...(counts.repaired > 0 ? [`${count(counts.repaired)} repaired since they were looked at`] : []),
    ...(counts.unreachable > 0 ? [`${count(counts.unreachable)} unreachable`] : []),
    ...(counts.no_expectation > 0
      ? [`${count(counts.no_expectation)} with no snapshot to be held against`]
      : []),
  ]
  const places = readings.map(({ server, address }) => `${address} (${server})`)
  const shown =
    places.length > PLACES_SHOWN ? `${count(places.length)} addresses: -o json has them` : places.join(', ')
  const from = places.length === 0 ? [] : [`read from ${shown}`]
  const unwritten =
    counts.unwritten === 0
      ? []
      : [`${tenantCount(counts.unwritten)} not connected to: nothing was written since the last look`]
  const seen = asOf && checked !== null ? [`seen ${span(checked)}`] : []
  return [...lines, ...away, parts.join(', '), ...from, ...unwritten, ...seen].join('\n')
}

/** Since when, of what was not found just now. */
function sinceText({ since }: Drift['groups'][number], checked: Drift['checked'], asOf: boolean): string {
  return asOf || (checked !== null && since < checked.oldest) ? `; since ${moment(since)}` : ''
}

function span({ oldest, newest }: { readonly oldest: string; readonly newest: string }): string {
  const [first, last] = [moment(oldest), moment(newest)]
  return first === last ? first : `between ${first} and ${last}`
}

/** `1 tenant`, `1,204 tenants` */
export function tenantCount(number: number): string {
  return number === 1 ? '1 tenant' : `${count(number)} tenants`
}

/** What a scan has found about each tenant. */
export async function findingsOf(
  cli: Cli,
  selector: string,
  scan: string,
): Promise<readonly Item<'drift.tenants'>[]> {
  const api = await cli.api()
  const { rows } = await gather(0, (page) =>
    api.call(api.at('drift.tenants'), { query: { selector, scan, ...page } }),
  )
  return rows
}

/** A JUnit report: a test case per tenant, failed where it differs, in error where it was not reached. */
export async function writeJunit(
  file: string,
  rows: readonly Item<'drift.tenants'>[],
  groups: Drift['groups'],
): Promise<void> {
  const sentences = new Map(groups.map(({ key, summary }) => [key, summary.join('\n')]))
  const failed = rows.filter((row) => row.state === 'different' && !row.ignored)
  const errors = rows.filter((row) => row.state === 'unreachable')
  const cases = rows.map((row) => {
    const open = `    <testcase classname=${attribute(row.server)} name=${attribute(row.tenant)}`
    if (row.state === 'unreachable')
      return `${open}><error message=${attribute(row.error ?? '')}/></testcase>`
    if (row.ignored) return `${open}><skipped message="ignored"/></testcase>`
    if (row.state !== 'different') return `${open}/>`
    const message = attribute(`difference ${row.difference ?? ''}`)
    return `${open}><failure message=${message}>${escaped(sentences.get(row.difference ?? '') ?? '')}</failure></testcase>`
  })
  const totals = `tests="${rows.length}" failures="${failed.length}" errors="${errors.length}"`
  const report = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${totals}>`,
    `  <testsuite name="schema" ${totals}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ]
  await writeOut(file, report.join('\n'))
}

function attribute(text: string): string {
  return `"${escaped(text)}"`
}

function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
  // Control characters cannot stand in XML at all, not even as entities.
  const printable = text.replaceAll(/[^\P{Cc}\t\n\r]|\p{Noncharacter_Code_Point}/gu, '\u{fffd}')
  return printable.replaceAll(/[&<>"]/gu, (character) => entities[character] as string)
}

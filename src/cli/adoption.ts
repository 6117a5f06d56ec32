/** What adopting came to, in words. */
import { count } from './format.ts'

interface Result {
  readonly dry_run: boolean
  readonly tenants: number
  readonly outcomes: Readonly<Record<string, number>>
  readonly problems: readonly { readonly tenant: string; readonly outcome: string; readonly note?: string }[]
}

const WORDS: Readonly<Record<string, string>> = {
  adopted: 'adopted',
  would_adopt: 'would be adopted',
  already_adopted: 'had been adopted before',
  nothing_applied: 'have none of the versions',
}

/** How many tenants are left as they are, though they have something. */
export function refusals(result: Record<string, unknown>): number {
  const { outcomes } = result as unknown as Result
  return Object.entries(outcomes).reduce((sum, [name, number]) => (name in WORDS ? sum : sum + number), 0)
}

export function adoptionText(result: Record<string, unknown>): string {
  const { dry_run: dryRun, tenants, outcomes, problems } = result as unknown as Result
  const good = Object.entries(WORDS).flatMap(([name, words]) => {
    const number = outcomes[name] ?? 0
    return number === 0 ? [] : [`${count(number)} ${words}`]
  })
  const refused = refusals(result)
  const left = refused - problems.length
  return [
    `${count(tenants)} ${tenants === 1 ? 'tenant' : 'tenants'}: ${[...good, ...(refused === 0 ? [] : [`${count(refused)} left as they are`])].join(', ')}`,
    ...problems.map(
      ({ tenant, outcome, note }) => `  ${tenant}: ${outcome}${note === undefined ? '' : `: ${note}`}`,
    ),
    ...(left > 0 ? [`  and ${count(left)} more, in the log of the operation`] : []),
    ...(dryRun && (outcomes['would_adopt'] ?? 0) > 0
      ? ['Nothing was recorded: run it with --execute to do so.']
      : []),
  ].join('\n')
}

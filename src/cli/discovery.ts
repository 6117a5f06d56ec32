/** What a discovery found, in words. */
import { count } from './format.ts'

export function discoveryText(result: Record<string, unknown>): string {
  const { found, added, known, missing, unreachable } = result as unknown as {
    found: number
    added: number
    known: number
    missing: string[]
    unreachable: { place: string; reason: string }[]
  }
  return [
    `${count(found)} found: ${count(added)} added, ${count(known)} known before`,
    ...(missing.length === 0
      ? []
      : [
          `missing now: ${missing.slice(0, 10).join(', ')}${missing.length > 10 ? ` and ${missing.length - 10} more` : ''}`,
        ]),
    ...unreachable.map(({ place, reason }) => `not usable: ${place}: ${reason}`),
  ].join('\n')
}

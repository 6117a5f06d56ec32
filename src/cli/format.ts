/** Numbers and times as people read them. */

/** `41,208` */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** `3.2 ms`, `1.4 s`, `1m04`, `2h05`; @param ms milliseconds */
export function duration(ms: number | null): string {
  if (ms === null) return '–'
  if (ms < 1_000) return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`
  if (ms < 60_000) return `${Math.round(ms / 100) / 10} s`
  const seconds = Math.round(ms / 1_000)
  const pad = (value: number): string => String(Math.floor(value)).padStart(2, '0')
  return seconds < 3_600
    ? `${Math.floor(seconds / 60)}m${pad(seconds % 60)}`
    : `${Math.floor(seconds / 3_600)}h${pad((seconds % 3_600) / 60)}`
}

/** `812/s`, `3.4/s` */
export function rate(perSecond: number): string {
  return `${perSecond >= 10 ? count(Math.round(perSecond)) : Math.round(perSecond * 10) / 10}/s`
}

/** `2026-01-12 14:30:00`, in UTC */
export function moment(time: string | null): string {
  return time === null ? '–' : time.replace('T', ' ').replace(/(\.\d+)?Z$/, '')
}

/** `180004` → `18.4` */
export function serverVersion(number: number | null, kind = 'postgres'): string {
  if (number === null) return '–'
  if (kind === 'sqlite')
    return [1_000_000, 1_000, 1].map((unit) => Math.floor(number / unit) % 1_000).join('.')
  if (kind === 'mysql') return [10_000, 100, 1].map((unit) => Math.floor(number / unit) % 100).join('.')
  return `${Math.floor(number / 10_000)}.${number % 10_000}`
}

/** `plan=free,region=eu` */
export function labels(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')
}

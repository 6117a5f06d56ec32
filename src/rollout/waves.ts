/** Waves: how a rollout reaches few tenants before many. Pure: from what was asked to sizes and gates. */
import { TenantryError } from '../lib/errors.ts'

export interface WaveGate {
  /** Somebody must approve before the next wave. */
  readonly approval: boolean
  /** Seconds between a wave's last tenant and the next wave. */
  readonly soakSeconds: number
  /** Share of failed tenants in this wave, in percent, above which the rollout pauses. */
  readonly maxErrorPercent: number
}

export interface WaveRequest {
  /** `10` tenants, `5%` of all tenants, or `rest`. */
  readonly size: string
  readonly name?: string | undefined
  /** Only tenants that this selects as well. */
  readonly selector?: string | undefined
  readonly approval?: boolean | undefined
  readonly soakSeconds?: number | undefined
  readonly maxErrorPercent?: number | undefined
}

export interface Wave {
  readonly name: string
  /** How many tenants at most; Infinity for all that remain. */
  readonly limit: number
  readonly selector: string | undefined
  readonly gate: WaveGate
}

/** `wave 1 (1 tenant)`, `wave 2 (10%)`, `wave 3 (rest)` */
export function waveText({ wave, name }: { readonly wave: number; readonly name: string }): string {
  const isCount = /^\d+$/.test(name)
  return `wave ${wave} (${name}${isCount ? (name === '1' ? ' tenant' : ' tenants') : ''})`
}

export const DEFAULT_WAVES: readonly WaveRequest[] = [{ size: '1' }, { size: '10%' }, { size: 'rest' }]
const MAX_WAVES = 50

/**
 * Sizes in tenants: percentages of `total` are rounded up, so a wave is never empty for being small.
 * @throws TenantryError `invalid_input` when a size is not understood or tenants would be left out.
 */
export function planWaves(
  requests: readonly WaveRequest[],
  total: number,
  defaultErrorPercent: number,
): Wave[] {
  if (requests.length > MAX_WAVES)
    throw invalid(`There are ${requests.length} waves; at most ${MAX_WAVES} make sense.`)
  const last = requests.at(-1)
  if (last?.size !== 'rest' || last.selector !== undefined) {
    throw invalid(
      'The last wave must be "rest", without a selector: otherwise some tenants would never be reached.',
    )
  }
  return requests.map((request, index) => ({
    name:
      request.name ?? (request.selector === undefined ? request.size : `${request.selector} ${request.size}`),
    limit: limitOf(request.size, total),
    selector: request.selector,
    gate: {
      approval: request.approval ?? false,
      soakSeconds: request.soakSeconds ?? 0,
      maxErrorPercent:
        request.maxErrorPercent ?? (index === 0 ? Math.min(defaultErrorPercent, 50) : defaultErrorPercent),
    },
  }))
}

/** Reads `1, 10, 1%, 10%, rest`; `!` behind a size asks for approval after it, `~30s` for a soak time. */
export function parseWaves(text: string): WaveRequest[] {
  return text.split(',').map((part) => {
    const match = /^\s*(\d+%?|rest)(?:~(\d+)s)?(!)?\s*$/.exec(part)
    if (match === null) {
      throw invalid(`The wave ${JSON.stringify(part.trim())} is not a number, a percentage or "rest".`)
    }
    const [, size = '', soak, approval] = match
    return {
      size,
      approval: approval !== undefined,
      soakSeconds: soak === undefined ? 0 : Number(soak),
    }
  })
}

function limitOf(size: string, total: number): number {
  if (size === 'rest') return Infinity
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(size) ?? []
  const value = Number(digits)
  if (
    digits === undefined ||
    value <= 0 ||
    (percent === '%' && value > 100) ||
    (percent === '' && !Number.isInteger(value))
  ) {
    throw invalid(
      `The wave size ${JSON.stringify(size)} is not a number of tenants, a percentage up to 100% or "rest".`,
    )
  }
  return percent === '%' ? Math.ceil((total * value) / 100) : value
}

function invalid(message: string): TenantryError {
  return new TenantryError('invalid_input', message, { nextSteps: ['Example: 1, 10, 1%, 10%, rest'] })
}

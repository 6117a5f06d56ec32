/** Waiting for a condition, never for a time. */
import { setTimeout as pause } from 'node:timers/promises'

/**
 * Asks until the condition gives something other than false or undefined, and returns that. An error that it
 * throws counts as "not yet" and is shown when time runs out.
 */
export async function until<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 10_000, what }: { timeoutMs?: number; what: string },
): Promise<Exclude<T, false | undefined>> {
  const deadline = Date.now() + timeoutMs
  let failure: unknown
  do {
    try {
      failure = undefined
      const value = await condition()
      if (value !== false && value !== undefined) return value as Exclude<T, false | undefined>
    } catch (thrown) {
      failure = thrown
    }
    await pause(20)
  } while (Date.now() < deadline)
  throw new Error(
    `Waited ${timeoutMs} ms in vain for: ${what}`,
    failure === undefined ? {} : { cause: failure },
  )
}

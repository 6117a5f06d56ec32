/** Ctrl-C and SIGTERM: the first asks to end in order, a second one ends at once. */
import { EXIT } from './errors.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
/** One Ctrl-C can arrive several times: from the terminal, from npm, from a starter. */
const ECHO_MS = 500

/**
 * Listens from now on.
 * @param onSecond does what must not be left undone; then the process ends.
 * @returns aborted at the first signal, with its name as reason.
 */
export function stopSignal(onSecond: () => void = () => undefined): AbortSignal {
  const stop = new AbortController()
  let firstAt: number | undefined
  const handle = (signal: NodeJS.Signals): void => {
    if (firstAt === undefined) {
      firstAt = performance.now()
      stop.abort(signal)
    } else if (performance.now() - firstAt > ECHO_MS) {
      onSecond()
      process.exit(signal === 'SIGTERM' ? 143 : EXIT.interrupted)
    }
  }
  for (const signal of SIGNALS) process.on(signal, handle)
  // Started by a process that is gone: there is nobody left to stop this one.
  if (process.channel !== undefined && process.channel !== null) {
    process.once('disconnect', () => handle('SIGTERM'))
    process.channel.unref()
  }
  return stop.signal
}

/** Resolves when the signal aborts. */
export async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  const { promise, resolve } = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => resolve(), { once: true })
  await promise
}

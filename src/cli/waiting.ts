/** What a command without a service says while it works for longer than anybody expects. */
import type { Cli } from './cli.ts'
import { duration } from './format.ts'
import { ProgressLine } from './progress.ts'

/** Shorter than this nobody wonders. */
const SILENT_MS = 2_000

/**
 * Says what is being done, and for how long already, once that takes more than two seconds.
 * @param what asked again each second
 * @param onlyOnScreen nothing into files and pipes; else a line now and then
 */
export async function whileWaiting<T>(
  cli: Cli,
  what: () => string,
  work: () => Promise<T>,
  onlyOnScreen = false,
): Promise<T> {
  if (onlyOnScreen && !cli.terminal.live) return work()
  const line = new ProgressLine({
    live: cli.terminal.live,
    columns: () => process.stderr.columns || 80,
    write: (text) => cli.output.screen(text),
  })
  const started = performance.now()
  const tell = (): void => line.update(`${duration(performance.now() - started)}  ${what()}`)
  let ticking: NodeJS.Timeout | undefined
  const first = setTimeout(() => {
    tell()
    ticking = setInterval(tell, 1_000)
  }, SILENT_MS)
  try {
    return await work()
  } finally {
    clearTimeout(first)
    clearInterval(ticking)
    if (ticking !== undefined) line.end()
  }
}

/** Takes what is drawn off the screen, for a program that ends in the middle of it. */
export function clearScreenLine(cli: Cli): void {
  if (cli.terminal.live) cli.output.screen('\r\u001B[2K')
}

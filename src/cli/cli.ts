/** What a command works with: its output, the API, the terminal's Ctrl-C. */
import { createInterface } from 'node:readline/promises'
import { terminalEnvironment } from '../config.ts'
import { TenantryError } from '../lib/errors.ts'
import type { Api } from './api.ts'
import { EXIT, usageError } from './errors.ts'
import type { GlobalOptions } from './options.ts'
import { Output } from './output.ts'
import type { Terminal } from './terminal.ts'

export interface Cli {
  readonly output: Output
  readonly terminal: Terminal
  api(): Promise<Api>
  /** Asks for a yes, unless `--yes` was given. @throws TenantryError when nobody can be asked; exits 1 on a no. */
  confirm(question: string, yes: boolean | undefined): Promise<void>
}

function makeTerminal(options: Pick<GlobalOptions, 'color'>): Terminal {
  const { noColor, dumb } = terminalEnvironment()
  const interactive = process.stdin.isTTY && process.stderr.isTTY
  return {
    color: options.color !== false && !noColor && !dumb && process.stdout.isTTY,
    live: process.stderr.isTTY && !dumb,
    interactive,
  }
}

export function makeCli(options: GlobalOptions): Cli {
  const terminal = makeTerminal(options)
  const output = new Output({
    format: options.output ?? 'table',
    terminal,
    quiet: options.quiet ?? false,
    streams: {
      write: (text) => void process.stdout.write(text),
      writeError: (text) => void process.stderr.write(text),
    },
  })
  return {
    output,
    terminal,
    // Most of what a command loads is behind the API; those that need none start in half the time.
    api: async () => {
      const { reachApi } = await import('./api.ts')
      return reachApi({ url: options.url, tokenFile: options.tokenFile })
    },
    confirm: (question, yes) => confirm(terminal, question, yes),
  }
}

async function confirm(terminal: Terminal, question: string, yes: boolean | undefined): Promise<void> {
  if (yes === true) return
  if (!terminal.interactive) throw usageError(`${question} Nobody is here to be asked.`, 'Say so with --yes.')
  const reader = createInterface({ input: process.stdin, output: process.stderr })
  const stop = new AbortController()
  reader.on('SIGINT', () => stop.abort())
  try {
    const answer = await reader.question(`${question} [y/N] `, { signal: stop.signal })
    if (/^y(es)?$/i.test(answer.trim())) return
    throw new TenantryError('precondition_failed', 'Nothing was done.')
  } catch (error) {
    if (stop.signal.aborted) process.exit(EXIT.interrupted)
    throw error
  } finally {
    reader.close()
  }
}

import type { Command } from 'commander'
import type { Cli } from './cli.ts'
import type { GlobalOptions } from './options.ts'

/** What a command does. @returns its exit code, 0 when nothing is returned. */
type Work<Options> = (cli: Cli, options: Options & GlobalOptions, ...args: string[]) => Promise<number | void>

/** Makes a command's action of what it does; everything heavy is loaded only now. */
export function action<Options = object>(work: Work<Options>): (...given: unknown[]) => Promise<void> {
  return async (...given) => {
    const command = given.at(-1) as Command
    const options = command.optsWithGlobals<Options & GlobalOptions>()
    const { makeCli } = await import('./cli.ts')
    const code = await work(makeCli(options), options, ...(given.slice(0, -2) as string[]))
    process.exitCode = code ?? 0
  }
}

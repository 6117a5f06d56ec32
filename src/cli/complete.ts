/** What may come next in a command line: commands, options, their values, and names that the API knows. */
import type { Command, Option } from 'commander'
import type { GlobalOptions } from './options.ts'

/** Milliseconds after which nobody waits for names any more. */
const NAMES_TIMEOUT_MS = 1_000

/** @param words all words after the program's name, the last one as far as it is typed. */
export async function complete(program: Command, words: readonly string[]): Promise<string[]> {
  const typed = words.at(-1) ?? ''
  const place = walk(program, words.slice(0, -1))
  const candidates = await candidatesAt(place, typed)
  return candidates.filter((candidate) => candidate.startsWith(typed))
}

interface Place {
  readonly command: Command
  /** Arguments given so far that are no commands. */
  readonly given: number
  /** The option whose value comes next. */
  readonly option: Option | undefined
}

function walk(program: Command, words: readonly string[]): Place {
  let command = program
  let given = 0
  let option: Option | undefined
  for (const word of words) {
    if (option !== undefined) option = undefined
    else if (word.startsWith('-')) option = takingValue(command, word)
    else {
      const next = command.commands.find((candidate) => candidate.name() === word)
      if (next === undefined) given += 1
      else command = next
    }
  }
  return { command, given, option }
}

function optionsOf(command: Command): readonly Option[] {
  return [...command.options, ...(command.parent === null ? [] : optionsOf(command.parent))]
}

function takingValue(command: Command, word: string): Option | undefined {
  return optionsOf(command).find(
    (option) => (option.long === word || option.short === word) && option.required,
  )
}

async function candidatesAt(place: Place, typed: string): Promise<readonly string[]> {
  if (place.option !== undefined) return place.option.argChoices ?? []
  if (typed.startsWith('-')) return optionsOf(place.command).flatMap((option) => option.long ?? [])
  const commands = place.command.commands.map((command) => command.name())
  if (commands.length > 0) return commands
  const argument = place.command.registeredArguments[place.given]
  if (argument === undefined) return []
  return (
    argument.argChoices ?? (await namesOf(argument.name(), place.command.optsWithGlobals<GlobalOptions>()))
  )
}

/** Names that the API knows, in place of an argument of this name; none when it does not answer soon. */
async function namesOf(argument: string, options: GlobalOptions): Promise<string[]> {
  const { reachApi } = await import('./api.ts')
  try {
    const api = await reachApi({ url: options.url, tokenFile: options.tokenFile })
    const signal = AbortSignal.timeout(NAMES_TIMEOUT_MS)
    switch (argument) {
      case 'rollout':
        return (await api.call(api.at('rollouts.list'), { query: { limit: 20 }, signal })).items.map(
          (row) => row.job_id,
        )
      case 'version':
        return [
          'latest',
          ...(await api.call(api.at('versions.list'), { query: { limit: 50 }, signal })).items.map(
            (row) => row.version_id,
          ),
        ]
      case 'operation':
        return (await api.call(api.at('operations.list'), { query: { limit: 20 }, signal })).items.map(
          (row) => row.id,
        )
      case 'server':
        return (await api.call(api.at('servers.list'), { signal })).items.map((row) => row.name)
      default:
        return []
    }
  } catch {
    // A completion is no place for error messages.
    return []
  }
}

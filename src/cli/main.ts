/** The command line: runs one command and turns errors into messages and exit codes. */
import { CommanderError } from 'commander'
import { EXIT, exitCodeOf, renderError, usageError } from './errors.ts'
import { makeProgram, makeWholeProgram } from './program.ts'

/** Runs one command, then ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  endWithReader()
  try {
    if (argv[0] === '__complete') await printCompletions(argv.slice(1))
    else await makeProgram().parseAsync(argv, { from: 'user' })
  } catch (thrown) {
    process.exitCode = report(thrown, argv)
  }
  // What has been written must be out before the process ends, and nothing that still hangs on may keep it.
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((done) => void stream.write('', done))),
  )
  process.exit()
}

async function printCompletions(words: readonly string[]): Promise<void> {
  const { complete } = await import('./complete.ts')
  const found = await complete(await makeWholeProgram(), words)
  process.stdout.write(found.map((candidate) => `${candidate}\n`).join(''))
}

/** @returns the exit code */
function report(thrown: unknown, argv: readonly string[]): number {
  if (thrown instanceof CommanderError) {
    if (thrown.exitCode === 0) return EXIT.ok
    // The help was shown because a command is missing: it has said all already.
    if (thrown.code === 'commander.help') return EXIT.usage
  }
  const error = thrown instanceof CommanderError ? misuse(thrown) : thrown
  const color = process.stderr.isTTY && process.stderr.hasColors() && !argv.includes('--no-color')
  process.stderr.write(renderError(error, { json: wantsJson(argv), terminal: { color } }))
  return exitCodeOf(error)
}

function misuse(error: CommanderError): Error {
  const [message = '', ...hints] = error.message.replace(/^error: /, '').split('\n')
  const steps = hints.map((hint) => hint.replace(/^\((.*)\)$/, '$1'))
  return usageError(
    `${message.charAt(0).toUpperCase()}${message.slice(1)}`,
    ...steps,
    ...(message.includes("'--json'") ? ['For JSON: -o json'] : []),
    'See what there is with --help.',
  )
}

function wantsJson(argv: readonly string[]): boolean {
  const format = argv.flatMap((word, index) => {
    if (word === '-o' || word === '--output') return [argv[index + 1] ?? '']
    return /^(?:-o=?|--output=)(.+)$/.exec(word)?.[1] ?? []
  })
  return ['json', 'jsonl'].includes(format.at(-1) ?? '')
}

/** A reader such as `head` that has enough is no error; a disk that is full is none of the program's. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok)
    process.stderr.write(`error: The result cannot be written: ${error.message}\n`)
    process.exit(EXIT.failure)
  })
}

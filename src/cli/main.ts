/** The command line: finds the command, loads it, runs it, and turns errors into messages and exit codes. */
import { Command, CommanderError } from 'commander'
import { EXIT, exitCodeOf, renderError, usageError } from './errors.ts'
import { NOUNS } from './nouns.ts'
import { addGlobalOptions } from './options.ts'
import { ownVersion } from './version.ts'

const EXAMPLES = `
Examples:
  tenantry up                                          start everything on this machine
  tenantry server add pg-1 --dsn-file pg-1.dsn         add a PostgreSQL server
  tenantry tenant discover 'cmp_%'                     register the databases that match
  tenantry version import ./sql_versions               store versions
  tenantry rollout start latest --waves '1, 10%, rest' roll out, and watch it
`

/** Runs one command. Never throws: ends the process with the exit code. */
export async function main(argv: readonly string[]): Promise<void> {
  endWithReader()
  const program = makeProgram()
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (thrown) {
    process.exitCode = report(thrown, argv)
  }
  // What has been written must be out before the process ends, and nothing else may keep it.
  await Promise.all(
    [process.stdout, process.stderr].map((stream) => new Promise((done) => void stream.write('', done))),
  )
  process.exit()
}

/** The whole program; commands are empty until they are called, or `loadAll` was. */
export function makeProgram(): Command {
  const program = new Command('tenantry')
    .description('Knows every tenant database of a fleet and changes their schemas safely, all at once.')
    .version(ownVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .helpCommand(false)
    .addHelpText('after', EXAMPLES)
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
  addGlobalOptions(program)
  for (const noun of NOUNS)
    program
      .command(noun.name)
      .helpGroup(`${noun.group}:`)
      .summary(noun.summary)
      .description(sentence(noun.summary))
  program.hook('preSubcommand', async (_program, command) => {
    const noun = NOUNS.find(({ name }) => name === command.name())
    if (noun !== undefined) (await noun.load()).define(command)
  })
  return program
}

/** Everything there is: for the help of all commands, and completion. */
export async function makeWholeProgram(): Promise<Command> {
  const program = makeProgram()
  for (const noun of NOUNS) {
    const command = program.commands.find((candidate) => candidate.name() === noun.name)
    if (command !== undefined) (await noun.load()).define(command)
  }
  return program
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`
}

/** @returns the exit code */
function report(thrown: unknown, argv: readonly string[]): number {
  if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.ok
  const error = thrown instanceof CommanderError ? misuse(thrown) : thrown
  // Help that was shown because a command was missing has said all already.
  if (error === undefined) return EXIT.usage
  const json = wantsJson(argv)
  process.stderr.write(renderError(error, { json, terminal: { color: false } }))
  return exitCodeOf(error)
}

function misuse(error: CommanderError): Error | undefined {
  if (error.code === 'commander.help') return undefined
  const [message = '', ...hints] = error.message.replace(/^error: /, '').split('\n')
  const steps = hints.map((hint) => hint.replace(/^\((.*)\)$/, '$1'))
  return usageError(
    `${message.charAt(0).toUpperCase()}${message.slice(1)}`,
    ...steps,
    'See what there is with --help.',
  )
}

function wantsJson(argv: readonly string[]): boolean {
  return argv.some(
    (word, index) =>
      /^(-o=?|--output=)jsonl?$/.test(word) ||
      (/^(-o|--output)$/.test(word) && /^jsonl?$/.test(argv[index + 1] ?? '')),
  )
}

/** A reader such as `head` that has enough is no error. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok)
    throw error
  })
}

import type { Command } from 'commander'
import { EXIT_MEANINGS } from '../errors.ts'
import { action } from '../action.ts'

export function define(help: Command): void {
  help.argument('[command...]', 'a command, or exit-codes, or environment').action(
    action(async (cli, _options, ...given) => {
      const words = (given as unknown as string[][]).flat()
      if (words[0] === 'exit-codes') return cli.output.raw(exitCodes())
      if (words[0] === 'environment') return cli.output.raw(await environment())
      // Ends by throwing what main takes for "help was shown".
      await help.parent?.parseAsync([...words, '--help'], { from: 'user' })
    }),
  )
}

function exitCodes(): string {
  const lines = EXIT_MEANINGS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`)
  return `Exit codes:\n${lines.join('\n')}\n`
}

async function environment(): Promise<string> {
  const { SETTINGS } = await import('../../config.ts')
  const lines = Object.entries<{ about: string; default?: string; alias?: string; example: string }>(
    SETTINGS,
  ).flatMap(([name, setting]) => [
    `  ${name}${setting.alias === undefined ? '' : ` (or ${setting.alias})`}`,
    `      ${setting.about}`,
    `      ${setting.default === undefined ? `example: ${setting.example}` : `default: ${setting.default}`}`,
  ])
  const order =
    'A flag counts more than the environment, the environment more than the file .env, that more than the default.'
  return `Settings, from the environment or the file .env:\n${lines.join('\n')}\n\n${order}\n`
}

/** Every help text, in one file to be read in review. */
import type { Command } from 'commander'
import { expect, test } from 'vitest'
import { makeWholeProgram } from '../../src/cli/program.ts'
import { expectGolden } from '../support/golden.ts'

const WIDTH = 100

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)]
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`
}

function helpOf(command: Command): string {
  let text = ''
  command.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => WIDTH })
  command.outputHelp()
  // They are the same everywhere, and said once with the program itself.
  return text.replace(/^Global Options:\n(?: .*\n)+\n?/m, '')
}

test('the help of all commands', async () => {
  const commands = allOf(await makeWholeProgram())
  const texts = commands.map((command) => `$ ${nameOf(command)} --help\n${helpOf(command)}`)
  await expectGolden('cli-help.txt', texts.join('\n'))
})

test('every command and every option says what it is for', async () => {
  const commands = allOf(await makeWholeProgram())
  expect(commands.length).toBeGreaterThan(50)
  const silent = commands.flatMap((command) => [
    ...(command.description() === '' ? [nameOf(command)] : []),
    ...command.options
      .filter((option) => option.description === '')
      .map((option) => `${nameOf(command)} ${option.flags}`),
  ])
  expect(silent).toEqual([])
})

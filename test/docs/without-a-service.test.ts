/** How-to pages of commands that need no service, run as they are written with nothing else running. */
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { STARTER } from '../cli/tenantry.ts'
import { testDirectory } from '../support/directories.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

/** @returns its directory, and the answer that the page shows to each of its commands beside the one that came */
async function runPage(page: string): Promise<{ directory: string; shown: string[]; said: string[] }> {
  const directory = await testDirectory('page')
  await cp(path.join(ROOT, 'examples'), path.join(directory, 'examples'), { recursive: true })
  await mkdir(path.join(directory, 'bin'))
  const program = path.join(directory, 'bin/tenantry')
  await writeFile(program, `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${STARTER} "$@"\n`)
  await chmod(program, 0o755)
  const env = { PATH: `${path.dirname(program)}:${process.env['PATH'] ?? ''}`, HOME: directory }
  const text = await readFile(path.join(ROOT, 'docs/how-to', page), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms)]
  const said: string[] = []
  for (const [, commands = ''] of blocks) said.push(await shell(commands, directory, env))
  return { directory, said, shown: blocks.map(([, , answer], at) => answer ?? said[at] ?? '') }
}

/** Standard output; exit code 6 is an answer. */
function shell(commands: string, cwd: string, env: Record<string, string>): Promise<string> {
  return new Promise((settle, fail) => {
    execFile('bash', ['-ec', commands], { cwd, env }, (error, stdout, stderr) => {
      if (error === null || error.code === 6) settle(stdout)
      else fail(new Error(`${commands}\nexit ${String(error.code)}\n${stdout}${stderr}`))
    })
  })
}

test('compare-two-schemas.md', async () => {
  const { directory, said, shown } = await runPage('compare-two-schemas.md')
  expect(said.length).toBeGreaterThan(4)
  expect(said).toEqual(shown)
  expect(await readdir(directory)).toEqual(
    expect.arrayContaining(['change.sql', 'plan.json', 'schema.json', 'snapshots']),
  )
  await rm(directory, { recursive: true })
})

test('lint-versions.md', async () => {
  const { directory, said, shown } = await runPage('lint-versions.md')
  expect(said.length).toBeGreaterThan(2)
  expect(said).toEqual(shown)
  await rm(directory, { recursive: true })
})

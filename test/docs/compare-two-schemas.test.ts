/** docs/how-to/compare-two-schemas.md, run as it is written, with nothing else running. */
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { STARTER } from '../cli/tenantry.ts'
import { testDirectory } from '../support/directories.ts'

const exec = promisify(execFile)
const ROOT = path.resolve(import.meta.dirname, '../..')

test('compare-two-schemas.md', async () => {
  const directory = await testDirectory('compare')
  await cp(path.join(ROOT, 'examples'), path.join(directory, 'examples'), { recursive: true })
  await mkdir(path.join(directory, 'bin'))
  const program = path.join(directory, 'bin/tenantry')
  await writeFile(program, `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${STARTER} "$@"\n`)
  await chmod(program, 0o755)
  const env = { PATH: `${path.dirname(program)}:${process.env['PATH'] ?? ''}`, HOME: directory }
  const text = await readFile(path.join(ROOT, 'docs/how-to/compare-two-schemas.md'), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms)]
  expect(blocks.length).toBeGreaterThan(4)
  const said: string[] = []
  for (const [, commands = ''] of blocks)
    said.push((await exec('bash', ['-ec', commands], { cwd: directory, env })).stdout)
  expect(said).toEqual(blocks.map(([, , answer], at) => answer ?? said[at]))
  expect(await readdir(directory)).toEqual(
    expect.arrayContaining(['change.sql', 'plan.json', 'schema.json', 'snapshots']),
  )
  await rm(directory, { recursive: true })
})

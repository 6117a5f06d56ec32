/** Mistakes of a first hour: each is answered with what to do. */
import { rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDirectory } from '../support/directories.ts'
import { tenantry } from './tenantry.ts'

let directory: string
beforeAll(async () => {
  directory = await testDirectory('mistakes')
})
afterAll(() => rm(directory, { recursive: true }))

test('a state directory that cannot be made is a wrong setting, without a stack', async () => {
  await writeFile(path.join(directory, 'file'), '')
  const ended = await tenantry(['up', '--port', '0', '--state-dir', 'file/state'], { cwd: directory })
  expect(ended.code).toBe(2)
  expect(ended.stderr).toMatch(/^error: The state directory \S+file\/state cannot be used: ENOTDIR/)
  expect(ended.stderr).toMatch(/--state-dir or TENANTRY_STATE_DIR/)
  expect(ended.stderr).not.toMatch(/ at /)
})

test('who asks for --json is told how it is called here', async () => {
  const ended = await tenantry(['server', 'list', '--json'], { cwd: directory })
  expect(ended).toMatchObject({ code: 2, stderr: expect.stringMatching(/For JSON: -o json/) as unknown })
})

/** The demo, with fewer tenants than it shows by itself. */
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDirectory } from '../support/directories.ts'
import { Running, tenantry } from './tenantry.ts'

let directory: string
beforeAll(async () => {
  directory = await testDirectory('demo')
})
afterAll(() => rm(directory, { recursive: true }))

test('tells its story to the end and prints one JSON object', async () => {
  const { code, stdout, stderr } = await tenantry(['demo', '--tenants', '60', '--json'], { cwd: directory })
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/circuit breaker paused the rollout/) as unknown,
  })
  expect(stderr).toMatch(/failed: 23505[\s\S]*4\. The data is mended[\s\S]*done: 60 of 60/)
  const summary = JSON.parse(stdout) as { failed_before_retry: number; rollouts: object[] }
  expect(summary).toMatchObject({
    tenants: 60,
    url: expect.stringMatching(/^http:/) as unknown,
    token_file: expect.any(String) as unknown,
  })
  expect(summary.failed_before_retry).toBeGreaterThan(0)
  expect(summary.rollouts).toMatchObject([
    { status: 'completed', successful: 60, failed: 0, waves: 3 },
    { status: 'completed', successful: 60, failed: 0, waves: 3 },
  ])
}, 180_000)

test('begins anew although an earlier one was killed, and ends at Ctrl-C', async () => {
  const killed = new Running(['demo', '--tenants', '60'], { cwd: directory })
  await killed.says(/2\. Version one/, 120_000)
  killed.kill('SIGKILL')
  await killed.ended
  const running = new Running(['demo', '--tenants', '60'], { cwd: directory })
  await running.says(/1\. 60 tenant databases/, 60_000)
  const second = await tenantry(['demo', '--tenants', '60'], { cwd: directory })
  expect(second).toMatchObject({
    code: 5,
    stderr: expect.stringMatching(/already runs the embedded server/) as unknown,
  })
  running.kill('SIGINT')
  expect(await running.ended).toMatchObject({ code: 130 })
}, 240_000)

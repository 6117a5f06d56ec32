/** bin/tenantry.js on a Node that is too old for the program. */
import { cp, mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDirectory } from '../support/directories.ts'
import { Running, STARTER, tenantry } from './tenantry.ts'

let directory: string
beforeAll(async () => {
  directory = await testDirectory('starter')
})
afterAll(() => rm(directory, { recursive: true }))

/** Makes Node take itself for version 20: it only has to be believed by the starter. */
const OLD = [
  '--import',
  `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'20.0.0'}})`,
]

test('starts the program with the Node that npm brought, with its output and its exit code', async () => {
  const help = await tenantry(['--help'], { cwd: directory, node: OLD })
  expect(help).toMatchObject({ code: 0, stderr: '' })
  expect(help.stdout).toMatch(/^Usage: tenantry/)
  expect(await tenantry(['nonsense'], { cwd: directory, node: OLD })).toMatchObject({ code: 2 })
})

test('passes a signal on and ends as the program does', async () => {
  const running = new Running(['up', '-o', 'json', '--port', '0'], { cwd: directory, node: OLD })
  await running.says(/"url"/)
  running.kill('SIGTERM')
  expect(await running.ended).toMatchObject({ code: 0, signal: null })
})

test('the program stops when its starter is killed', async () => {
  const running = new Running(['up', '-o', 'json', '--port', '0'], { cwd: directory, node: OLD })
  await running.says(/"url"/)
  const { pid } = JSON.parse(running.stdout) as { pid: number }
  expect(pid).not.toBe(running.child.pid)
  running.kill('SIGKILL')
  // `close` comes when the program itself has ended: it holds the same pipes.
  expect((await running.ended).stderr).toMatch(/Stopping/)
})

test('says what is missing where npm brought no Node', async () => {
  const file = path.join(directory, 'package/bin/tenantry.js')
  await mkdir(path.dirname(file), { recursive: true })
  await cp(STARTER, file)
  const { code, stderr } = await tenantry([], { cwd: directory, node: [...OLD, file] })
  expect(code).toBe(1)
  expect(stderr).toMatch(/tenantry needs Node 24; this is Node 20\.0\.0[\s\S]*npm ci/)
})

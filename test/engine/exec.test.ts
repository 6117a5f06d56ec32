import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { run, which, type RunOptions } from '../../src/engine/exec.ts'
import { isRunning } from '../../src/engine/processes.ts'
import { errorOf } from '../schema/errors.ts'
import { until } from '../support/wait.ts'

const options: RunOptions = { cwd: tmpdir(), env: { PATH: '/usr/bin:/bin' }, timeoutMs: 20_000 }

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-exec-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

test('the exit code and both outputs', async () => {
  const result = await run('/bin/sh', ['-c', 'echo out é; echo err >&2; exit 3'], options)
  expect(result).toEqual({ code: 3, stdout: 'out é\n', stderr: 'err\n' })
})

test('arguments are not read by a shell', async () => {
  const hostile = ['$(id)', '; ls', '`id`', 'a b', '*', '"', "'", '-n', '\n']
  const result = await run('/usr/bin/printf', ['%s|', ...hostile], options)
  expect(result.stdout).toBe(`${hostile.join('|')}|`)
})

test('the environment is what is given and nothing else', async () => {
  process.env['TENANTRY_TEST_SECRET'] = 'secret'
  const result = await run('/usr/bin/env', [], { ...options, env: { A: '1' } })
  delete process.env['TENANTRY_TEST_SECRET']
  expect(result.stdout).toBe('A=1\n')
})

test('input, also when the program does not read it', async () => {
  const input = 'x'.repeat(3_000_000)
  expect((await run('/bin/cat', [], { ...options, input })).stdout).toHaveLength(input.length)
  expect(await run('/bin/true', [], { ...options, input })).toMatchObject({ code: 0 })
  expect((await run('/bin/cat', [], options)).stdout).toBe('')
})

test('one that runs too long is ended, with what it started', async () => {
  const pidFile = join(folder, 'pid')
  const script = `sleep 600 & echo $! > ${pidFile}; wait`
  const error = await errorOf(() => run('/bin/sh', ['-c', script], { ...options, timeoutMs: 500 }))
  expect(error.code).toBe('internal')
  expect(error.message).toBe('/bin/sh did not end within 0.5 s')
  const { stdout } = await run('/bin/cat', [pidFile], options)
  await until(async () => !(await isRunning(Number(stdout))), { what: 'the end of the sleep' })
})

test('one that left a process behind which holds its outputs', async () => {
  const script = 'setsid sh -c "sleep 3" & exit 0'
  const error = await errorOf(() => run('/bin/sh', ['-c', script], { ...options, timeoutMs: 500 }))
  expect(error.message).toBe('/bin/sh did not end within 0.5 s')
})

test('one that writes too much is ended', async () => {
  const error = await errorOf(() => run('/usr/bin/yes', [], { ...options, maxBytes: 100_000 }))
  expect(error.message).toBe('/usr/bin/yes wrote more than 100000 bytes')
})

test('one that is killed', async () => {
  const error = await errorOf(() => run('/bin/sh', ['-c', 'kill -9 $$'], options))
  expect(error.message).toBe('/bin/sh was ended by SIGKILL')
})

test('one that is not there', async () => {
  expect((await errorOf(() => run(join(folder, 'none'), [], options))).code).toBe('program_missing')
})

test('which: the first directory with an executable file', async () => {
  const places = ['a', 'b', 'c', 'd'].map((name) => join(folder, name))
  for (const place of places) await mkdir(place)
  await mkdir(join(folder, 'a', 'tool'))
  await writeFile(join(folder, 'b', 'tool'), '')
  for (const place of ['c', 'd']) {
    await writeFile(join(folder, place, 'tool'), '#!/bin/sh\n')
    await chmod(join(folder, place, 'tool'), 0o755)
  }
  expect(await which('tool', places)).toBe(join(folder, 'c', 'tool'))
  expect(await which('tool', `:relative:${join(folder, 'none')}:${places.join(':')}`)).toBe(
    join(folder, 'c', 'tool'),
  )
  expect(await which('tool', places.slice(0, 2))).toBeUndefined()
  expect(await which('tool', '')).toBeUndefined()
})

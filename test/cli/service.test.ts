/** `tenantry up` on its own embedded PostgreSQL: starting, stopping, dying. */
import { rm, stat, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { childrenOf, isRunning, processInfo } from '../../src/engine/processes.ts'
import { testDirectory } from '../support/directories.ts'
import { until } from '../support/wait.ts'
import { readApiFile, Running, tenantry, type Ended } from './tenantry.ts'

let directory: string
const started: Running[] = []

beforeEach(async () => {
  directory = await testDirectory('up')
})

afterEach(async () => {
  for (const running of started.splice(0)) {
    running.kill('SIGTERM')
    await running.ended
  }
  // Adopts a server that a killed service left behind, and stops it in order.
  const last = new Running(['up', '--port', '0', '-o', 'json'], { cwd: directory })
  await last.says(/"url"/)
  last.kill('SIGTERM')
  await last.ended
  await rm(directory, { recursive: true })
})

async function up(...args: string[]): Promise<Running> {
  const running = new Running(['up', '--port', '0', '-o', 'json', '--log-level', 'error', ...args], {
    cwd: directory,
  })
  started.push(running)
  await running.says(/"url"/)
  return running
}

const run = (...args: string[]): Promise<Ended> => tenantry(args, { cwd: directory })
const inState = (name: string): string => path.join(directory, '.tenantry', name)

async function workersOf(service: Running): Promise<number[]> {
  const children = await childrenOf(service.child.pid ?? 0)
  const commands = await Promise.all(
    children.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  )
  return children.filter((_pid, index) => commands[index]?.includes('worker') === true)
}

describe('up', () => {
  test('starts from nothing, is found by commands, ends in order and comes back with what it had', async () => {
    const service = await up()
    const { url, pid } = await readApiFile(directory)
    expect(JSON.parse(service.stdout)).toMatchObject({
      url,
      pid: service.child.pid,
      embedded: true,
      workers: 1,
    })
    expect(pid).toBe(service.child.pid)
    for (const secret of ['token', 'secret.key', 'local-roles.json']) {
      expect({ secret, others: (await stat(inState(secret))).mode & 0o077 }).toEqual({ secret, others: 0 })
    }
    const listed = await run('server', 'list', '-o', 'name')
    expect(listed).toEqual({ code: 0, signal: null, stdout: 'local\n', stderr: '' })
    const doctor = JSON.parse((await run('doctor', '-o', 'json')).stdout) as { items: { status: string }[] }
    expect(doctor.items.filter(({ status }) => status !== 'ok')).toEqual([])
    expect(
      (
        await run(
          'schedule',
          'set',
          'nightly',
          '--kind',
          'discover',
          '--cron',
          '0 3 * * *',
          '--input',
          '{"pattern":"x%"}',
        )
      ).code,
    ).toBe(0)

    const second = await run('up', '--port', '0')
    expect(second).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(/already runs the embedded server/) as unknown,
    })

    const token = await readFile(inState('token'), 'utf8')
    service.kill('SIGTERM')
    expect(await service.ended).toMatchObject({ code: 0, signal: null })
    await expect(stat(inState('api.json'))).rejects.toThrow(/ENOENT/)

    await up()
    expect(await readFile(inState('token'), 'utf8')).toBe(token)
    expect((await run('schedule', 'list', '-o', 'name')).stdout).toBe('nightly\n')
  }, 60_000)

  test('killed, it comes back and goes on with the server that it left behind', async () => {
    const first = await up()
    first.kill('SIGKILL')
    await first.ended
    expect((await run('server', 'list')).code).toBe(1)
    await up()
    expect((await run('server', 'test', 'local')).code).toBe(0)
  }, 60_000)

  test('a second Ctrl-C ends it at once, whatever is in hand', async () => {
    const service = await up()
    // In the directory of the service: it has nothing else to do.
    const endless = `do $$ begin perform pg_sleep(600); end $$`
    expect((await run('simulate', 'create', '1', '--prefix', 'x_')).code).toBe(0)
    const added = await tenantry(['version', 'add', 'endless', '--upgrade', '-'], {
      cwd: directory,
      input: endless,
    })
    expect(added.code).toBe(0)
    const id = (await run('rollout', 'start', 'latest', '-o', 'name')).stdout.trim()
    await until(
      async () =>
        JSON.parse((await run('rollout', 'status', id, '-o', 'json')).stdout).progress.in_flight === 1,
      {
        what: 'the endless change in hand',
      },
    )
    service.kill('SIGINT')
    await service.says(/Once more to end at once/)
    expect(await isRunning(service.child.pid ?? 0)).toBe(true)
    const ended = service.ended.then(({ code }) => code)
    let code: number | null | undefined
    void ended.then((value) => (code = value))
    // The same Ctrl-C can arrive more than once; after that, another one counts.
    await until(() => (service.kill('SIGINT'), code !== undefined), { what: 'the end' })
    expect(code).toBe(130)
  }, 60_000)

  test('a port that is taken is said with the setting that changes it', async () => {
    await up()
    const { port } = new URL((await readApiFile(directory)).url)
    const other = await testDirectory('port')
    const taken = await tenantry(['up', '--port', port], { cwd: other })
    expect(taken).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/cannot listen on 127\.0\.0\.1:\d+[\s\S]*APP_HOST_PORT/) as unknown,
    })
    await rm(other, { recursive: true })
  }, 60_000)
})

describe('worker processes', () => {
  test('are started again when they die, and drain with the service', async () => {
    const service = await up('--workers', '3')
    const before = await until(
      async () => {
        const workers = await workersOf(service)
        return workers.length === 2 && workers
      },
      { what: 'two worker processes beside the service' },
    )
    const [victim = 0] = before
    process.kill(victim, 'SIGKILL')
    await service.says(/a worker process has ended/)
    const after = await until(
      async () => {
        const workers = await workersOf(service)
        return workers.length === 2 && !workers.includes(victim) && workers
      },
      { what: 'another one in its place' },
    )
    service.kill('SIGTERM')
    expect(await service.ended).toMatchObject({ code: 0 })
    expect(await Promise.all(after.map((pid) => isRunning(pid)))).toEqual([false, false])
    // They say nothing of their own beside its one line.
    expect(JSON.parse(service.stdout)).toMatchObject({ workers: 3 })
  }, 60_000)

  test('end when the service is killed', async () => {
    const service = await up('--workers', '2')
    const [worker = 0] = await until(
      async () => {
        const workers = await workersOf(service)
        return workers.length === 1 && workers
      },
      { what: 'a worker process' },
    )
    const { startedAt = '' } = (await processInfo(worker)) ?? {}
    service.kill('SIGKILL')
    const ended = until(async () => !(await isRunning(worker, startedAt)), { what: 'the end of the worker' })
    expect(await ended).toBe(true)
  }, 60_000)
})

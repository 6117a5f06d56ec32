/** Commands that never get as far as the API, or are sent away by it. */
import { chmod, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDirectory } from '../support/directories.ts'
import { tenantry, type Ended } from './tenantry.ts'

let directory: string
beforeAll(async () => {
  directory = await testDirectory('usage')
})
afterAll(() => rm(directory, { recursive: true }))

const run = (...args: string[]): Promise<Ended> => tenantry(args, { cwd: directory })

describe('a command that cannot be understood ends with 2', () => {
  test.each([
    [['rolout'], /Unknown command 'rolout'\n.*\n.*Did you mean rollout\?/],
    [['rollout', 'strat', 'latest'], /Unknown command 'strat'\n.*\n.*Did you mean start\?/],
    [
      ['tenant', 'list', '--selctor', 'plan:free'],
      /Unknown option '--selctor'\n.*\n.*Did you mean --selector\?/,
    ],
    [['tenant', 'list', '-o', 'xml'], /Allowed choices are table, wide, json/],
    [['tenant', 'list', '--limit', 'many'], /not a whole number/],
    [['rollout', 'start'], /[Mm]issing required argument 'version'/],
    [['rollout', 'start', 'newest'], /not a version id/],
    [['rollout', 'watch', '17'], /not an id/],
    [['rollout', 'start', 'latest', '--timeout', 'soon'], /not a time such as 90s/],
    [['rollout', 'skip', '3f2a9c01-7c1e-4b7a-9d57-2f1f0b0c9a11'], /Required option '--reason/],
    [['server', 'add', 'pg-1'], /connection URL is missing/],
    [['demo', '--tenants', '3'], /not from 50 to/],
    [['serve'], /DATABASE_URL/],
    [['api', 'FETCH', '/servers'], /not a method/],
    [['--url', 'nonsense', 'server', 'list'], /not the address of an API/],
  ])('tenantry %j', async (args, message) => {
    const { code, stdout, stderr } = await run(...args)
    expect(stderr).toMatch(message)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  })

  test('with -o json the problem is JSON', async () => {
    const { code, stderr } = await run('rollout', 'strat', '-o', 'json')
    expect(code).toBe(2)
    expect(JSON.parse(stderr)).toMatchObject({
      code: 'invalid_input',
      status: 422,
      detail: "Unknown command 'strat'",
      nextSteps: expect.arrayContaining(['Did you mean start?']) as unknown,
    })
  })

  test('a noun alone shows what it can do', async () => {
    const { code, stderr } = await run('rollout')
    expect(code).toBe(2)
    expect(stderr).toMatch(/watch .*<rollout>/)
  })

  test('a wrong setting is named with an example', async () => {
    const wrong = await tenantry(['up'], {
      cwd: directory,
      env: { APP_HOST_PORT: 'eighty', MAX_RETRIES: '-1' },
    })
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toMatch(/APP_HOST_PORT: "eighty" is not valid .*Example: APP_HOST_PORT=8001/)
    expect(wrong.stderr).toMatch(/MAX_RETRIES: "-1" is not valid/)
  })
})

describe('secrets', () => {
  test.each([
    'postgres://u:hunter2@h/db',
    'postgres://u@h/db?password=hunter2',
    'postgres://u:hun%40ter2@h/db',
  ])('a password in a command is refused: %s', async (dsn) => {
    const { code, stderr } = await run('server', 'add', 'pg-1', '--dsn', dsn)
    expect(code).toBe(2)
    expect(stderr).toMatch(/every user of this machine can read/)
    expect(stderr).not.toMatch(/hun/)
  })

  test('a token file that others can read is refused', async () => {
    const file = path.join(directory, 'open-token')
    await writeFile(file, 'tnt_x')
    await chmod(file, 0o644)
    const { code, stderr } = await run('server', 'list', '--token-file', file)
    expect(code).toBe(2)
    expect(stderr).toMatch(/can be read by others[\s\S]*chmod 600/)
  })
})

describe('without an API', () => {
  test('says where it looked and what to do', async () => {
    const { code, stderr } = await run('--url', 'http://127.0.0.1:1', 'server', 'list')
    expect(code).toBe(1)
    expect(stderr).toMatch(/The API at http:\/\/127\.0\.0\.1:1 cannot be reached/)
    expect(stderr).toMatch(/tenantry up/)
  })

  test('the doctor fails and says why', async () => {
    const { code, stdout } = await run('--url', 'http://127.0.0.1:1', 'doctor', '-o', 'json')
    expect(code).toBe(1)
    const { items } = JSON.parse(stdout) as { items: { check: string; status: string }[] }
    expect(items).toContainEqual(expect.objectContaining({ check: 'cli.api', status: 'fail' }))
    expect(items).toContainEqual(expect.objectContaining({ check: 'cli.token', status: 'warn' }))
  })

  test('an address in the directory that is not of this machine is not followed', async () => {
    await writeFile(path.join(directory, 'api.json'), JSON.stringify({ url: 'http://192.0.2.1:9', pid: 1 }))
    const env = { TENANTRY_STATE_DIR: directory, APP_HOST_PORT: '1' }
    const { stderr } = await tenantry(['server', 'list'], { cwd: directory, env })
    expect(stderr).toMatch(/The API at http:\/\/127\.0\.0\.1:1 cannot/)
  })
})

test('help topics, version and completion', async () => {
  expect((await run('help', 'exit-codes')).stdout).toMatch(/130 +interrupted/)
  expect((await run('help', 'environment')).stdout).toMatch(/MAX_CONCURRENT_CONNECTIONS\n.*\n +default: 100/)
  const help = await run('help', 'rollout', 'start')
  expect(help).toMatchObject({ code: 0, stdout: (await run('rollout', 'start', '--help')).stdout })
  expect(help.stdout).toMatch(/^Usage: tenantry rollout start/)
  expect((await run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  for (const shell of ['bash', 'zsh', 'fish']) {
    expect((await run('completion', shell)).stdout).toMatch(/tenantry __complete/)
  }
})

test('completion knows commands, options and their values', async () => {
  const complete = async (...words: string[]): Promise<string[]> =>
    (await run('__complete', ...words)).stdout.split('\n').filter(Boolean)
  expect(await complete('rollout', 'st')).toEqual(['start', 'status', 'stop'])
  expect(await complete('rollout', 'start', '--wa')).toEqual(['--wait', '--waves'])
  expect(await complete('rollout', 'targets', '--state', 'f')).toEqual(['failed'])
  expect(await complete('-o', 'js')).toEqual(['json', 'jsonl'])
  expect(await complete('completion', '')).toEqual(['bash', 'zsh', 'fish'])
})

/** Rollouts as somebody at a terminal sees them, on a real API, workers and databases. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { adminQuery, createDatabase, type TestDatabase } from '../support/postgres.ts'
import { until } from '../support/wait.ts'
import { startUp, tenantry, type Up } from './tenantry.ts'

// A dozen processes each, on a machine that runs other tests beside them.
vi.setConfig({ testTimeout: 90_000 })

/** What a terminal obeys, and what turns the direction of writing around. */
// oxlint-disable-next-line no-control-regex
const ORDERS = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069]/

const TENANTS = 12
const PREFIX = `cli${randomBytes(3).toString('hex')}_`
let up: Up
let template: TestDatabase

beforeAll(async () => {
  up = await startUp()
  template = await createDatabase('cli_template')
  await adminQuery('create table items (id integer primary key)', template.name)
  const made = await up.run(
    'simulate',
    'create',
    String(TENANTS),
    '--prefix',
    PREFIX,
    '--template',
    template.name,
  )
  expect(made).toMatchObject({ code: 0, stdout: `${TENANTS} databases made on default\n` })
})

afterAll(async () => {
  await up.run('simulate', 'cleanup', '--prefix', PREFIX, '--yes')
  await up.remove()
  await template.drop()
})

/** Stores a version. @returns its id */
async function addVersion(upgrade: string, downgrade?: string): Promise<string> {
  await writeFile(path.join(up.directory, 'up.sql'), upgrade)
  await writeFile(path.join(up.directory, 'down.sql'), downgrade ?? '')
  const back = downgrade === undefined ? [] : ['--downgrade', 'down.sql']
  const ended = await up.run('version', 'add', 'test', '--upgrade', 'up.sql', ...back, '-o', 'name')
  expect(ended.stderr).toBe('')
  return ended.stdout.trim()
}

const slowly = (column: string): string => `alter table items add column ${column} int; select pg_sleep(0.25)`

describe('start', () => {
  test('waits when asked to, shows how far it is, and ends with 0; undo takes it back', async () => {
    const version = await addVersion('alter table items add column a int', 'alter table items drop column a')
    const { code, stdout, stderr } = await up.run(
      'rollout',
      'start',
      version,
      '--wait',
      '--waves',
      '1, 25%, rest',
    )
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining(`${TENANTS}/${TENANTS}  completed`) as unknown,
    })
    expect(stdout).toMatch(new RegExp(`completed: version ${version}, ${TENANTS} of ${TENANTS} tenants`))
    const { items } = (await up.json('rollout', 'list', '--limit', '1')) as { items: { job_id: string }[] }
    const undone = await up.run('rollout', 'undo', items[0]?.job_id ?? '', '--yes', '--wait', '-o', 'json')
    expect(undone.code).toBe(0)
    expect(JSON.parse(undone.stdout)).toMatchObject({
      status: 'completed',
      direction: 'downgrade',
      undo_of: items[0]?.job_id,
    })
  })

  test('returns at once where nobody watches; the same key starts it once', async () => {
    const version = await addVersion('alter table items add column b int')
    const start = ['rollout', 'start', version, '--idempotency-key', 'once', '-o', 'name']
    const [first, second] = [await up.run(...start), await up.run(...start)]
    expect(first.stdout).toMatch(/^[0-9a-f-]{36}\n$/)
    expect(second.stdout).toBe(first.stdout)
    expect(await up.run('rollout', 'watch', first.stdout.trim())).toMatchObject({ code: 0 })
  })

  test('with -o jsonl every event is a line of JSON, up to the end', async () => {
    const version = await addVersion('alter table items add column c int')
    const { code, stdout } = await up.run('rollout', 'start', version, '--wait', '-o', 'jsonl')
    const events = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; data: { status?: string } })
    expect(code).toBe(0)
    expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(['event', 'snapshot']))
    expect(events.findLast(({ event }) => event === 'snapshot')?.data.status).toBe('completed')
  })

  test('asks for a yes before it takes something back', async () => {
    const id = '3f2a9c01-7c1e-4b7a-9d57-2f1f0b0c9a11'
    const { code, stderr } = await up.run('rollout', 'undo', id)
    expect(code).toBe(2)
    expect(stderr).toMatch(/--yes/)
    expect(await up.run('rollout', 'undo', id, '--yes')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/no rollout/) as unknown,
    })
  })
})

test('a wave that waits for an approval is waited for', async () => {
  const version = await addVersion('alter table items add column g int')
  const watching = up.start('rollout', 'start', version, '--wait', '--waves', '1!, rest')
  await watching.says(/Approve the next wave with: tenantry rollout approve \S+\n/)
  const [, id = ''] = /tenantry rollout approve (\S+)/.exec(watching.stderr) ?? []
  expect(
    (await up.json('rollout', 'list', '--status', 'awaiting_approval')) as { items: object[] },
  ).toMatchObject({
    items: [{ job_id: id, progress: { completed: 1 } }],
  })
  expect((await up.run('rollout', 'approve', id, '--reason', 'seen')).code).toBe(0)
  expect(await watching.ended).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/approved by/) as unknown,
  })
})

describe('when tenants fail', () => {
  test('the breaker pauses it, errors are grouped, the exit code is 3; mended, retry goes on to 0', async () => {
    const version = await addVersion('insert into items values (1)')
    await adminQuery('insert into items values (1)', `${PREFIX}1`)
    const failed = await up.run('rollout', 'start', version, '--wait', '--waves', '1, rest')
    expect(failed.code).toBe(3)
    expect(failed.stdout).toMatch(/paused: .*\n.*failed 1 [\s\S]*23505 duplicate key.*1 tenant/)
    const [id = ''] = /[0-9a-f-]{36}/.exec(failed.stdout) ?? []
    expect(failed.stdout).toContain(`tenantry rollout retry ${id}`)

    const targets = (await up.json('rollout', 'targets', id, '--state', 'failed')) as {
      items: { tenant: string; sqlstate: string }[]
    }
    expect(targets.items).toMatchObject([{ tenant: `${PREFIX}1`, sqlstate: '23505' }])
    expect((await up.run('rollout', 'errors', id)).stdout).toMatch(/23505/)
    expect((await up.run('rollout', 'approve', id)).code).toBe(5)

    await adminQuery('delete from items', `${PREFIX}1`)
    const again = await up.run('rollout', 'retry', id, '--wait')
    expect(again).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^1 tenant is tried again/) as unknown,
    })
  })

  test('text of a database cannot give orders to the terminal', async () => {
    const esc = String.raw`\x1b[31mred\x1b]0;title\x07 \u009b2J\u202e`
    const version = await addVersion(
      `do $$ begin raise exception using message = E'${esc}', errcode = 'P0001'; end $$`,
    )
    const start = ['rollout', 'start', version, '--wait', '--waves', '1, rest']
    const outputs = [
      await up.run(...start),
      await up.run(...start, '-o', 'json'),
      await up.run(...start, '-o', 'jsonl'),
    ]
    const id = (JSON.parse(outputs[1]?.stdout ?? '') as { job_id: string }).job_id
    for (const format of ['table', 'json']) outputs.push(await up.run('rollout', 'errors', id, '-o', format))
    for (const format of ['wide', 'csv']) outputs.push(await up.run('rollout', 'targets', id, '-o', format))
    await writeFile(
      path.join(up.directory, 'hostile.json'),
      JSON.stringify([{ name: '\u001B[2J\u202Eevil', server: 'default', database: 'gone' }]),
    )
    expect((await up.run('tenant', 'import', 'hostile.json')).code).toBe(0)
    for (const format of ['table', 'name', 'json']) outputs.push(await up.run('tenant', 'list', '-o', format))
    for (const { stdout, stderr } of outputs) {
      expect(stdout + stderr).toMatch(/red|evil|P0001|cli/)
      expect(stdout + stderr).not.toMatch(ORDERS)
    }
    const hostile = (await up.json('tenant', 'list', '--selector', 'database:gone')) as {
      items: { name: string }[]
    }
    expect(hostile.items.map(({ name }) => name)).toEqual(['\u001B[2J\u202Eevil'])
    await up.run('tenant', 'retire', hostile.items[0]?.name ?? '', '--yes')
  })
})

describe('watch', () => {
  test('Ctrl-C lets go and the rollout goes on', async () => {
    const version = await addVersion(slowly('d'))
    const watching = up.start('rollout', 'start', version, '--wait', '--max-connections', '2')
    await watching.says(/wave \d/)
    watching.kill('SIGINT')
    const { code, stderr } = await watching.ended
    const [, id = ''] = /The rollout continues; stop it with: tenantry rollout stop (\S+)/.exec(stderr) ?? []
    // It was left on purpose: nothing was lost.
    expect(stderr).not.toMatch(/Connection lost/)
    expect({ code, id }).toEqual({ code: 130, id: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown })
    expect(await up.run('rollout', 'watch', id)).toMatchObject({ code: 0 })
  })

  test('waiting can end before the rollout does: exit code 7', async () => {
    const version = await addVersion(slowly('e'))
    const late = await up.run(
      'rollout',
      'start',
      version,
      '--wait',
      '--timeout',
      '300ms',
      '--max-connections',
      '2',
    )
    expect(late.code).toBe(7)
    const [, id = ''] = /tenantry rollout watch (\S+)/.exec(late.stderr) ?? []
    const stopped = await up.run('rollout', 'stop', id, '--yes', '--reason', 'enough')
    expect(stopped).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/stopped[\s\S]*enough/) as unknown,
    })
    expect(await up.run('rollout', 'watch', id)).toMatchObject({ code: 3 })
  })

  test('survives kill -9 of the API and its worker', async () => {
    const version = await addVersion(slowly('f'))
    const watching = up.start(
      'rollout',
      'start',
      version,
      '--wait',
      '--max-connections',
      '1',
      '--waves',
      'rest',
      '-o',
      'jsonl',
    )
    await watching.says(/"completed":[1-9]/)
    await up.killService()
    await watching.says(/Connection lost/)
    await up.startService()
    const { code, stdout, stderr } = await watching.ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/Connected again/) as unknown })
    const last = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { data: { progress: object } }
    expect(last.data.progress).toMatchObject({ total: TENANTS, successful: TENANTS, failed: 0 })
  }, 60_000)
})

describe('who may', () => {
  test('without a valid token, or without the scope, the exit code is 4', async () => {
    const file = path.join(up.directory, 'reader')
    const made = await up.run('token', 'create', 'reader', '--scope', 'registry:read', '--file', file)
    expect(made).toMatchObject({ code: 0, stderr: '' })
    expect((await up.run('--token-file', file, 'tenant', 'list')).code).toBe(0)
    const refused = await up.run('--token-file', file, 'rollout', 'list', '-o', 'json')
    expect(refused.code).toBe(4)
    expect(JSON.parse(refused.stderr)).toMatchObject({
      code: 'forbidden',
      status: 403,
      requestId: expect.any(String) as unknown,
    })

    const { items } = (await up.json('token', 'list')) as { items: { id: number; name: string }[] }
    const id = items.find(({ name }) => name === 'reader')?.id ?? 0
    expect((await up.run('token', 'revoke', String(id), '--yes')).code).toBe(0)
    const gone = await up.run('--token-file', file, 'tenant', 'list')
    expect(gone).toMatchObject({ code: 4, stderr: expect.stringMatching(/revoked/) as unknown })

    const elsewhere = await tenantry(['--url', up.url, 'tenant', 'list'], {
      cwd: path.join(up.directory, '.tenantry'),
    })
    expect(elsewhere.code).toBe(4)
  })
})

test('pages are gathered, formats agree', async () => {
  const names = async (...args: string[]): Promise<string[]> =>
    (await up.run('tenant', 'list', '-o', 'name', ...args)).stdout.trim().split('\n')
  expect(await names('--limit', '0')).toHaveLength(TENANTS)
  expect(await names('--limit', '5')).toEqual((await names('--limit', '0')).slice(0, 5))
  const lines = (await up.run('tenant', 'list', '-o', 'jsonl')).stdout.trim().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { name: string }).name)).toEqual(await names())
  const [header, ...rows] = (await up.run('tenant', 'list', '-o', 'csv')).stdout.trim().split('\n')
  expect(header).toBe('name,server,database,schema,version,state,labels,created')
  expect(rows).toHaveLength(TENANTS)
  expect((await up.run('tenant', 'list', '-o', 'none')).stdout).toBe('')
})

test('operations are listed, shown and followed', async () => {
  const started = (await up.json('tenant', 'discover', `${PREFIX}%`, '--no-wait')) as { operation_id: string }
  const watched = await up.run('operation', 'watch', started.operation_id, '-o', 'json')
  expect(watched.code).toBe(0)
  expect(JSON.parse(watched.stdout)).toMatchObject({
    kind: 'discover',
    state: 'succeeded',
    result: { found: TENANTS, known: TENANTS },
  })
  const listed = (await up.json('operation', 'list', '--kind', 'discover')) as { items: { id: string }[] }
  expect(listed.items.map(({ id }) => id)).toContain(started.operation_id)
  await until(async () => (await up.run('operation', 'cancel', started.operation_id)).code === 5, {
    what: 'refusal to cancel what has ended',
  })
})

/** Commands on a rollout take the beginning of its id, or `latest`. */
import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startUp, tenantry, type Up } from './tenantry.ts'

let up: Up
const prefix = `which${randomBytes(3).toString('hex')}_`

beforeAll(async () => {
  up = await startUp()
})
afterAll(async () => {
  await up.run('simulate', 'cleanup', '--prefix', prefix, '--yes', '--wait')
  await up.remove()
})

test('a rollout is found by the beginning of its id and as latest; nothing is guessed', async () => {
  expect(await up.run('rollout', 'status', 'latest')).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/There is no rollout yet/) as unknown,
  })
  expect(await up.run('simulate', 'create', '1', '--prefix', prefix, '--wait')).toMatchObject({ code: 0 })
  await writeFile(path.join(up.directory, 'down.sql'), 'drop table which_one')
  const input = 'create table which_one ()'
  const sql = ['--upgrade', '-', '--downgrade', 'down.sql']
  const added = await tenantry(['version', 'add', 'x', ...sql], { cwd: up.directory, input })
  expect(added).toMatchObject({ code: 0 })

  const start = async (): Promise<string> =>
    (await up.run('rollout', 'start', 'latest', '--wait', '-o', 'name')).stdout.trim()
  const first = await start()
  const second = await start()
  expect(second).not.toBe(first)
  const named = async (text: string): Promise<string> =>
    ((await up.json('rollout', 'status', text)) as { job_id: string }).job_id
  expect(await named('latest')).toBe(second)
  expect(await named(first.slice(0, 13))).toBe(first)
  expect(await named(first.slice(0, 8).toUpperCase())).toBe(first)
  expect((await up.run('rollout', 'errors', 'latest')).stderr).toMatch(/No tenant of this rollout has failed/)

  for (const [text, said] of [
    ['0000000', /No rollout begins with 0000000/],
    ['abc', /four or more characters/],
    ['last', /four or more characters/],
  ] as const) {
    expect(await up.run('rollout', 'pause', text)).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(said) as unknown,
    })
  }
})

test('undo finds its rollout the same way', async () => {
  const { items } = (await up.json('rollout', 'list')) as { items: { job_id: string }[] }
  const [second = '', first = ''] = items.map((rollout) => rollout.job_id)
  const { code, stderr } = await up.run('rollout', 'undo', 'latest', '--yes')
  expect(code).not.toBe(0)
  expect(stderr).toContain(`Rollout ${second} applied nothing that could be undone`)
  const { stdout } = await up.run('rollout', 'undo', first.slice(0, 13), '--yes', '--wait', '-o', 'name')
  expect(await up.json('rollout', 'status', stdout.trim())).toMatchObject({ undo_of: first })
})

test('a beginning that several rollouts share names them', async () => {
  const ids = ['aaaa1111', 'aaaa2222'].map((start) => `${start}-0000-4000-8000-000000000000`)
  for (const id of ids) {
    const body = JSON.stringify({ job_id: id, version_id: 'latest' })
    const asked = ['api', 'POST', '/schema/propagate', '--data', '-']
    expect(await tenantry(asked, { cwd: up.directory, input: body })).toMatchObject({ code: 0 })
  }
  const { code, stderr } = await up.run('rollout', 'stop', 'aaaa', '--yes')
  expect(code).toBe(2)
  expect(stderr).toMatch(/2 rollouts begin with aaaa/)
  for (const id of ids) expect(stderr).toContain(id)
})

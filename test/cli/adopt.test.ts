/** Taking over tenants by the command line, on a real API. */
import { cp } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'
import { run } from '../rollout/adopt-tools.ts'
import { startUp, type Up } from './tenantry.ts'

vi.setConfig({ testTimeout: 90_000 })

const EXAMPLE = path.resolve(import.meta.dirname, '../../examples/sql/dbmate')

let up: Up
let tenants: TestDatabase[]
beforeAll(async () => {
  up = await startUp()
  await cp(EXAMPLE, path.join(up.directory, 'migrations'), { recursive: true })
  tenants = await Promise.all([createDatabase('shop'), createDatabase('shop')])
  const [first] = tenants
  await run(
    first!.dsn,
    `create table schema_migrations (version varchar(128) primary key);
     insert into schema_migrations values ('20260105091200'), ('20260107140100')`,
  )
  for (const { name } of tenants) {
    await up.run('tenant', 'register', name, '--server', 'default', '--database', name)
  }
})
afterAll(async () => {
  await Promise.all(tenants.map((tenant) => tenant.drop()))
  await up.remove()
})

test('a dry run says what would be recorded, --execute records it', async () => {
  const [first, second] = tenants.map(({ name }) => name)
  const command = ['adopt', '--source', 'migrations', '--no-color']
  expect(await up.run(...command)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('No version was made of sql:migrations yet.') as unknown,
  })
  const generate = ['version', 'generate', 'As it was', '--source', 'migrations']
  const { version_id: versionId } = await up.json(...generate, '--target', '20260107140100')

  const tried = await up.run(...command)
  expect(tried.code).toBe(3)
  expect(tried.stdout).toBe(
    `2 tenants: 1 would be adopted, 1 left as they are\n` +
      `  ${second}: no_ledger: There is no ledger of dbmate, golang-migrate, goose, flyway here\n` +
      'Nothing was recorded: run it with --execute to do so.\n',
  )
  const versionOf = async (name: string | undefined): Promise<unknown> =>
    ((await up.json('tenant', 'show', name ?? '')) as { version_id: unknown }).version_id
  expect(await versionOf(first)).toBeNull()

  expect(await up.run(...command, '--execute', '--selector', `name:${first}`)).toMatchObject({
    code: 0,
    stdout: '1 tenant: 1 adopted\n',
  })
  expect(await versionOf(first)).toBe(versionId)
  const again = await up.json('adopt', '--source', 'migrations', '--selector', `name:${first}`)
  expect(again).toMatchObject({ result: { dry_run: true, outcomes: { already_adopted: 1 } } })
  const log = await up.run('api', 'GET', `/operations/${again.id}/stream?after=0`)
  expect(log).toMatchObject({ code: 0, stdout: expect.stringContaining(`"tenant":"${first}"`) as unknown })
})

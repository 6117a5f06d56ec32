/** How-to pages whose commands are run as they are written, and whose answers are what they show. */
import { execFile } from 'node:child_process'
import { chmod, cp, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { startUp, STARTER, type Up } from '../cli/tenantry.ts'
import { knex } from '../rollout/adopt-tools.ts'
import { startMariaDb } from '../support/mariadb.ts'
import { adminQuery, dsnOf } from '../support/postgres.ts'
import { withProgram } from '../support/programs.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const ROOT = path.resolve(import.meta.dirname, '../..')

let up: Up
beforeEach(async () => {
  up = await startUp()
  await cp(path.join(ROOT, 'examples'), path.join(up.directory, 'examples'), { recursive: true })
  await symlink(path.join(ROOT, 'node_modules'), path.join(up.directory, 'node_modules'))
  const program = path.join(up.directory, 'tenantry')
  await writeFile(program, `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${STARTER} "$@"\n`)
  await chmod(program, 0o755)
})
afterEach(() => up.remove())

interface Block {
  readonly commands: string
  /** What the page shows as the answer, where it shows one. */
  readonly answer: string | undefined
}

async function blocksOf(page: string): Promise<Block[]> {
  const text = await readFile(path.join(ROOT, 'docs/how-to', page), 'utf8')
  const found = text.matchAll(/^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms)
  return [...found].map(([, commands = '', answer]) => ({ commands, answer }))
}

/** Standard output of a shell in the directory; exit code 3 is an answer. */
async function shell(commands: string, extra: Readonly<Record<string, string>>): Promise<string> {
  const env = { PATH: `${up.directory}:${process.env['PATH'] ?? ''}`, HOME: up.directory, ...extra }
  return new Promise((settle, fail) => {
    execFile('bash', ['-ec', commands], { cwd: up.directory, env }, (error, stdout, stderr) => {
      if (error === null || error.code === 3) settle(stdout)
      else fail(new Error(`${commands}\nexit ${String(error.code)}\n${stdout}${stderr}`))
    })
  })
}

/** @param extra variables of the environment */
async function expectAsWritten(page: string, extra: Readonly<Record<string, string>> = {}): Promise<void> {
  const blocks = await blocksOf(page)
  expect(blocks).not.toEqual([])
  const said: string[] = []
  for (const { commands } of blocks) said.push(await shell(commands, extra))
  const shown = blocks.map(({ answer }, at) => answer ?? said[at])
  expect(said).toEqual(shown)
}

test('code-migrations.md', () => expectAsWritten('code-migrations.md'))

withProgram('sqlite3').test('sqlite-tenants.md', () => expectAsWritten('sqlite-tenants.md'))

withProgram('mariadbd', 'mariadb', 'mariadbInstallDb').test('mysql-tenants.md', async () => {
  const server = await startMariaDb()
  try {
    await writeFile(path.join(up.directory, '.my.cnf'), `[client]\nuser = root\nsocket = ${server.socket}\n`)
    await expectAsWritten('mysql-tenants.md', { MYSQL_UNIX_PORT: server.socket })
  } finally {
    await server.remove()
  }
})

withProgram('alembic').test('desired-state.md', () => expectAsWritten('desired-state.md'))

test('adopt.md', async () => {
  const names = ['shop_1', 'shop_2', 'shop_3']
  const unique = (name: string): string => `${up.database.name}_${name}`
  for (const [index, name] of names.entries()) {
    await adminQuery(`create database ${unique(name)}`)
    if (index < 2) await knex(dsnOf(unique(name)), 3 - index)
    await up.json('tenant', 'register', name, '--server', 'default', '--database', unique(name))
  }
  try {
    await expectAsWritten('adopt.md')
    const { items } = await up.json('tenant', 'list', '--selector', 'name:shop_1,shop_2')
    const [first, second] = items as { version_id: string }[]
    expect(second?.version_id).toBe(first?.version_id)
  } finally {
    for (const name of names) await adminQuery(`drop database ${unique(name)} with (force)`)
  }
})

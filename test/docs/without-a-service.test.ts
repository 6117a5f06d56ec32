/** How-to pages of commands that need no service, run as they are written; on databases where the page names some. */
import { execFile } from 'node:child_process'
import { chmod, cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { STARTER } from '../cli/tenantry.ts'
import { testDirectory } from '../support/directories.ts'
import { startMariaDb } from '../support/mariadb.ts'
import { withProgram } from '../support/programs.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

/** @returns its directory, and the answer that the page shows to each of its commands beside the one that came */
async function runPage(
  page: string,
  variables: Record<string, string> = {},
): Promise<{ directory: string; shown: string[]; said: string[] }> {
  const directory = await testDirectory('page')
  await cp(path.join(ROOT, 'examples'), path.join(directory, 'examples'), { recursive: true })
  await mkdir(path.join(directory, 'bin'))
  const program = path.join(directory, 'bin/tenantry')
  await writeFile(program, `#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${STARTER} "$@"\n`)
  await chmod(program, 0o755)
  const env = { PATH: `${path.dirname(program)}:${process.env['PATH'] ?? ''}`, HOME: directory, ...variables }
  const text = await readFile(path.join(ROOT, 'docs/how-to', page), 'utf8')
  const blocks = [...text.matchAll(/^```sh\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms)]
  const said: string[] = []
  for (const [, commands = ''] of blocks) said.push(await shell(commands, directory, env))
  return { directory, said, shown: blocks.map(([, , answer], at) => answer ?? said[at] ?? '') }
}

/** Standard output; exit code 6 is an answer. */
function shell(commands: string, cwd: string, env: Record<string, string>): Promise<string> {
  return new Promise((settle, fail) => {
    execFile('bash', ['-ec', commands], { cwd, env }, (error, stdout, stderr) => {
      if (error === null || error.code === 6) settle(stdout)
      else fail(new Error(`${commands}\nexit ${String(error.code)}\n${stdout}${stderr}`))
    })
  })
}

test('compare-two-schemas.md', async () => {
  const { directory, said, shown } = await runPage('compare-two-schemas.md')
  expect(said.length).toBeGreaterThan(4)
  expect(said).toEqual(shown)
  expect(await readdir(directory)).toEqual(
    expect.arrayContaining(['change.sql', 'plan.json', 'schema.json', 'snapshots']),
  )
  await rm(directory, { recursive: true })
})

test('schema-sync-typescript.md', async () => {
  const directory = await testDirectory('page')
  const text = await readFile(path.join(ROOT, 'docs/how-to/schema-sync-typescript.md'), 'utf8')
  const [, program = ''] = /^```ts\n(.*?)^```\n/ms.exec(text) ?? []
  const [, shown] = /^```text\n(.*?)^```\n/ms.exec(text) ?? []
  const library = pathToFileURL(path.join(ROOT, 'src/library.ts')).href
  await writeFile(path.join(directory, 'sync.ts'), program.replace(`'tenantry'`, `'${library}'`))
  await writeFile(path.join(directory, 'package.json'), '{"type": "module"}')
  const items = 'create table items (id integer primary key, name text'
  const index = 'create index items_name on items (name)'
  await writeFile(
    path.join(directory, 'wanted.sql'),
    `${items}, note text check (length(note) < 200)); ${index};`,
  )
  await mkdir(path.join(directory, 'tenants'))
  for (const [tenant, more] of Object.entries({ acme: index, globex: '', initech: '' })) {
    const database = new DatabaseSync(path.join(directory, 'tenants', `${tenant}.db`))
    database.exec(`${items}); ${more}`)
    database.close()
  }
  const env = { PATH: process.env['PATH'] ?? '', HOME: directory }
  const [, inspect = ''] = /`tenantry (schema inspect wanted.sql[^`]*)`/.exec(text) ?? []
  await shell(`${JSON.stringify(process.execPath)} ${STARTER} ${inspect}`, directory, env)
  const sync = `${JSON.stringify(process.execPath)} sync.ts`
  expect(await shell(sync, directory, env)).toBe(shown)
  expect(await shell(sync, directory, env)).toBe('')
  await rm(directory, { recursive: true })
})

test('lint-versions.md', async () => {
  const { directory, said, shown } = await runPage('lint-versions.md')
  expect(said.length).toBeGreaterThan(2)
  expect(said).toEqual(shown)
  await rm(directory, { recursive: true })
})

const TODAY = `
CREATE TABLE customers (id int PRIMARY KEY, born date);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, total decimal(10,2) NOT NULL)`
const WANTED = `
CREATE TABLE customers (id int PRIMARY KEY, born date, joined date, KEY born (born));
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, total decimal(12,2) NOT NULL,
  CONSTRAINT orders_customer FOREIGN KEY (customer_id) REFERENCES customers (id));
CREATE SQL SECURITY INVOKER VIEW spent AS SELECT customer_id, sum(total) AS total FROM orders GROUP BY customer_id`

withProgram('mariadbd', 'mariadb', 'mariadbInstallDb', 'mariadbDump').test('compare-mariadb.md', async () => {
  const server = await startMariaDb()
  try {
    const [shop, wanted] = [server.create('shop', TODAY), server.create('wanted', WANTED)]
    const { directory, said, shown } = await runPage('compare-mariadb.md', {
      SHOP: server.url(shop),
      WANTED: server.url(wanted),
    })
    expect(said).toHaveLength(3)
    expect(said).toEqual(shown)
    server.script(await readFile(path.join(directory, 'change.sql'), 'utf8'), shop)
    expect(server.dump(shop)).toEqual(server.dump(wanted))
    await rm(directory, { recursive: true })
  } finally {
    await server.remove()
  }
})

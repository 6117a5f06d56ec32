/** `tenantry schema` with MariaDB: SQL loaded into a database of its own, and scripts run by the real program. */
import { readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDirectory } from '../support/directories.ts'
import { startMariaDb } from '../support/mariadb.ts'
import type { MysqlServer } from '../support/mysql-server.ts'
import { withProgram } from '../support/programs.ts'
import { tenantry, type Ended } from './tenantry.ts'

const TODAY = `
create table customers (id bigint primary key auto_increment, email varchar(200) not null);
create table orders (id bigint primary key auto_increment, customer_id bigint, note text,
  foreign key (customer_id) references customers (id));
`
const WANTED = `
create table customers (id bigint primary key auto_increment, email varchar(200) not null unique, name text);
create table orders (id bigint primary key auto_increment, customer_id bigint, note text comment 'a; b',
  foreign key (customer_id) references customers (id) on delete cascade);
create index orders_by_note on orders (note(20));
delimiter $$
create trigger tidy before delete on customers for each row
begin
  delete from orders where customer_id = old.id;
  set @deleted = old.id; -- for the log
end$$
delimiter ;
`

withProgram('mariadbd', 'mariadb', 'mariadbInstallDb', 'mariadbDump').describe('MariaDB', () => {
  let server: MysqlServer
  let directory = ''
  beforeAll(async () => {
    directory = await testDirectory('schema-mariadb')
    server = await startMariaDb()
    await writeFile(path.join(directory, 'wanted.sql'), WANTED)
  })
  afterAll(async () => {
    await server.remove()
    await rm(directory, { recursive: true })
  })
  const schema = (...args: string[]): Promise<Ended> => tenantry(['schema', ...args], { cwd: directory })

  test('the SQL runs with mariadb, and leads there', async () => {
    const url = server.url(server.create('shop', TODAY))
    const ends = [
      '--from',
      url,
      '--to',
      'wanted.sql',
      '--format',
      'sql',
      '--allow',
      'all',
      '--out',
      'change.sql',
    ]
    const planned = await schema('plan', ...ends)
    expect(planned).toMatchObject({ code: 0, stdout: '' })
    server.script(await readFile(path.join(directory, 'change.sql'), 'utf8'), 'shop')
    const after = await schema('diff', url, 'wanted.sql', '--exit-code')
    expect(after).toMatchObject({ code: 0 })
    const rest = server.script('show databases')
    expect(rest).not.toMatch(/scratch/)
  })

  test('a scratch server that is named, an error with its place', async () => {
    await writeFile(path.join(directory, 'bad.sql'), 'create table a (b int);\n\ncreate table c (d wrong);\n')
    const scratch = ['--dialect', 'mysql', '--scratch', server.url('')]
    const bad = await schema('inspect', 'bad.sql', ...scratch)
    expect(bad.code).toBe(2)
    expect(bad.stderr).toMatch(/bad\.sql:3: .*\n.*SQLSTATE/)
    const equal = await schema('diff', 'wanted.sql', 'wanted.sql', ...scratch, '--exit-code')
    expect(equal).toMatchObject({ code: 0 })
    expect(server.script('show databases')).not.toMatch(/scratch/)
  })
})

/** What an audit of MySQL or MariaDB asks in the place of an inspection sees every change that an inspection sees. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import type { SchemaSession } from '../../src/schema/dialects/dialect.ts'
import { onBoth } from '../support/mysql-products.ts'
import { inSession, type MysqlServer } from '../support/mysql-server.ts'

const TABLES = `create table one (id int not null auto_increment primary key, name varchar(20) default ' AUTO_INCREMENT=7',
    amount int check (amount > 0), key by_name (name)) comment 'first';
  create table two (id int primary key, one_id int, foreign key (one_id) references one (id));
  create table three (id int primary key);
  create view seen as select id, name from one;
  create trigger early before insert on one for each row set new.amount = 1;
  create trigger later before insert on one for each row set new.amount = 2;
  create procedure p() create table made (id int auto_increment primary key) AUTO_INCREMENT=5;
  create function f() returns int deterministic return 1;
  create event yearly on schedule every 1 year starts '2030-01-01 00:00:00' do set @a = 1;`

const SCHEMAS = { MariaDB: `${TABLES} create sequence numbers;`, MySQL: TABLES } as const

/** Each changes what the one before has left. */
const ON_MARIADB: readonly string[] = [
  'alter table one add extra int',
  'alter table one modify extra bigint',
  'alter table one alter extra set default 5',
  'alter table one modify extra bigint invisible',
  'alter table one modify extra bigint after id',
  'alter table one drop extra',
  `alter table one alter name set default ' AUTO_INCREMENT=8'`,
  `alter table one modify name varchar(20) collate utf8mb4_bin comment 'n'`,
  'alter table one drop key by_name, add key by_name (name) using btree',
  'alter table one drop key by_name, add key by_name (name(5) desc)',
  'alter table one alter index by_name ignored',
  'alter table one drop constraint if exists amount, modify amount int check (amount > 1)',
  `alter table one comment 'second'`,
  'alter table one row_format = compressed',
  'alter table one default character set ascii',
  'alter table one add system versioning',
  'alter table two drop foreign key two_ibfk_1',
  'alter table two add foreign key (one_id) references one (id) on delete cascade',
  'alter table three partition by hash (id) partitions 3',
  'create or replace view seen as select id from one',
  'alter sql security invoker view seen as select id from one',
  'alter sequence numbers increment 5',
  'create or replace trigger later before insert on one for each row precedes early set new.amount = 2',
  'create or replace trigger later before insert on one for each row precedes early set new.amount = 3',
  'drop procedure p; create procedure p() create table made (id int auto_increment primary key) AUTO_INCREMENT=6',
  `set sql_mode = 'ANSI_QUOTES'; create or replace function f() returns int deterministic return 1`,
  'alter function f sql security invoker',
  'alter event yearly disable',
  `set time_zone = '+03:00'; create or replace event yearly on schedule every 1 year do set @a = 1`,
  'rename table one to uno',
  'alter database character set ascii',
]

const ON_MYSQL: readonly string[] = [
  'alter table one modify name varchar(20) character set utf8mb4 collate utf8mb4_0900_ai_ci',
  'alter table one add extra int',
  'alter table one modify extra bigint',
  'alter table one alter extra set default 5',
  'alter table one modify extra bigint invisible',
  'alter table one modify extra bigint after id',
  'alter table one add key computed ((extra + 1))',
  'alter table one drop key computed, drop extra',
  'alter table one drop key by_name, add key by_name (name(5) desc)',
  'alter table one alter index by_name invisible',
  'alter table one alter check one_chk_1 not enforced',
  'alter table one add place point srid 4326 not null',
  'alter table one drop place',
  `alter table one comment 'second'`,
  'alter table one default character set ascii',
  'alter table two drop foreign key two_ibfk_1',
  'alter table two add foreign key (one_id) references one (id) on delete cascade',
  'alter table three partition by hash (id) partitions 3',
  'create or replace view seen as select id from one',
  'create or replace sql security invoker view seen as select id from one',
  'drop trigger later; create trigger later before insert on one for each row precedes early set new.amount = 2',
  `set sql_mode = 'ANSI_QUOTES'; drop function f; create function f() returns int deterministic return 1`,
  'alter function f sql security invoker',
  'alter event yearly disable',
  'rename table one to uno',
  'alter database character set ascii',
]

const CHANGES = { MariaDB: ON_MARIADB, MySQL: ON_MYSQL } as const

onBoth('audits of', ({ product, start }) => {
  let server: MysqlServer

  beforeAll(async () => {
    server = await start()
  })
  afterAll(async () => {
    await server.remove()
  })

  const using = <T>(database: string, work: (session: SchemaSession) => Promise<T>): Promise<T> =>
    inSession(server, database, work)

  async function look(database: string): Promise<{ catalogue: string; snapshot: string }> {
    return await using(database, async (session) => ({
      catalogue: await mysql.catalogueFingerprint(session),
      snapshot: (await mysql.inspect(session)).fingerprint,
    }))
  }

  test('every change of the schema gives another fingerprint', async () => {
    const database = server.create('changing', SCHEMAS[product])
    let before = await look(database)
    expect(await look(database)).toEqual(before)
    const unseen: string[] = []
    const same: string[] = []
    for (const change of CHANGES[product]) {
      server.script(change, database)
      const after = await look(database)
      if (after.snapshot === before.snapshot) same.push(change)
      else if (after.catalogue === before.catalogue) unseen.push(change)
      before = after
    }
    expect({ unseen, same }).toEqual({ unseen: [], same: [] })
  })

  test('databases of other names and contents have one fingerprint', async () => {
    const [a, b] = [server.create('a', SCHEMAS[product]), server.create('b', SCHEMAS[product])]
    server.script(
      'insert into one (name) with recursive n (i) as (select 1 union all select i + 1 from n where i < 50) select i from n',
      b,
    )
    expect(await look(b)).toEqual(await look(a))
  })
})

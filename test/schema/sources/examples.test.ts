/** The examples, as a user has them: their SQL runs on a real server, up and down again. */
import { join } from 'node:path'
import pg from 'pg'
import { describe, expect } from 'vitest'
import { openSource, renderRange, type SourceKind } from '../../../src/schema/sources/index.ts'
import { stepsOf } from '../../../src/schema/statements.ts'
import { test } from '../../support/postgres.ts'
import { withProgram } from '../../support/programs.ts'
import { EXAMPLES } from './folders.ts'

async function apply(client: pg.Client, sql: string): Promise<void> {
  for (const step of stepsOf(sql)) {
    if (step.kind === 'single') await client.query(step.sql)
    else await client.query(`begin;\n${step.sql};\ncommit`)
  }
}

/** What a user would see in the database: tables, columns, indexes, functions, types. */
async function schemaOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ thing: string }>(`
    select format('%s %s', relkind, relname) as thing from pg_class where relnamespace = 'public'::regnamespace
    union all
    select format('column %s.%s', attrelid::regclass, attname) from pg_attribute
      where attrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r')
        and attnum > 0 and not attisdropped
    union all select format('function %s', oid::regprocedure) from pg_proc where pronamespace = 'public'::regnamespace
    union all select format('enum %s', typname) from pg_type
      where typnamespace = 'public'::regnamespace and typtype = 'e'
    order by 1`)
  // Whether alembic takes its own table away on the way back depends on its version.
  return rows.map(({ thing }) => thing).filter((thing) => !thing.includes('alembic_version'))
}

interface Example {
  path: string
  kind: SourceKind
  revisions: string[]
  steps: string[]
  hasWayBack: boolean
  /** Something that the last revision makes. */
  makes: string
}

const T = 'transaction'
const S = 'single'
const examples: Example[] = [
  {
    path: 'sql/dbmate',
    kind: 'sql',
    revisions: ['20260105091200', '20260107140100', '20260108103000'],
    steps: [T, T, S],
    hasWayBack: true,
    makes: 'i orders_customer_id_idx',
  },
  {
    path: 'sql/golang-migrate',
    kind: 'sql',
    revisions: ['000001', '000002', '000010'],
    steps: [T, S, T],
    hasWayBack: true,
    makes: 'column orders.total_cents',
  },
  {
    path: 'sql/flyway',
    kind: 'sql',
    revisions: ['1', '1.1', '1.2'],
    steps: [T, T, S, S],
    hasWayBack: true,
    makes: 'i orders_customer_id_idx',
  },
  {
    path: 'sql/goose',
    kind: 'sql',
    revisions: ['00001', '00002', '00003'],
    steps: [T, T, S],
    hasWayBack: true,
    makes: 'i orders_customer_id_idx',
  },
  {
    path: 'sql/numbered',
    kind: 'sql',
    revisions: ['001', '002', '010'],
    steps: [T, S, T],
    hasWayBack: true,
    makes: 'column orders.note',
  },
  {
    path: 'prisma',
    kind: 'prisma',
    revisions: ['20260105091244_init', '20260107140110_order_status'],
    steps: [T],
    hasWayBack: false,
    makes: 'enum OrderStatus',
  },
  {
    path: 'drizzle',
    kind: 'drizzle',
    revisions: ['0000_create_customers_and_orders', '0001_order_status'],
    steps: [T],
    hasWayBack: false,
    makes: 'enum order_status',
  },
  {
    path: 'knex',
    kind: 'knex',
    revisions: [
      '20260105091200_create_customers_and_orders',
      '20260107140100_add_order_status',
      '20260108103000_index_orders_by_customer',
    ],
    steps: [T, T, S],
    hasWayBack: true,
    makes: 'i orders_customer_id_idx',
  },
  {
    path: 'sequelize',
    kind: 'sequelize',
    revisions: [
      '20260105091200-create-customers-and-orders',
      '20260107140100-add-order-status',
      '20260108103000-index-orders-by-customer',
    ],
    steps: [T, T, S],
    hasWayBack: true,
    makes: 'i orders_customer_id_idx',
  },
  {
    path: 'node-pg-migrate',
    kind: 'node-pg-migrate',
    revisions: [
      '1767604320000_create-customers-and-orders',
      '1767794460000_add-order-status',
      '1767868200000_index-orders-by-customer',
    ],
    steps: [T, T, S],
    hasWayBack: true,
    makes: 'i orders_customer_id_idx',
  },
  {
    path: 'typeorm',
    kind: 'typeorm',
    revisions: ['CreateCustomersAndOrders1767604320000', 'OrderStatus1767794460000'],
    steps: [T],
    hasWayBack: true,
    makes: 'enum orders_status_enum',
  },
  {
    path: 'atlas',
    kind: 'atlas',
    revisions: ['20260105091200', '20260107140100', '20260108103000'],
    steps: [T, T, S],
    hasWayBack: false,
    makes: 'function touch_orders()',
  },
]

const alembicExample: Example = {
  path: 'alembic',
  kind: 'alembic',
  revisions: ['3f1c2a9d7b10', '8d2e5b7c4a21', 'b4a6c9e1f032', 'e7d8f0a2c143'],
  steps: [T, S, T],
  hasWayBack: true,
  makes: 'column orders.total_cents',
}

function check(example: Example): void {
  const path = join(EXAMPLES, example.path)
  const all = example.revisions

  test(`${example.path}: all at once, and back`, async ({ database }) => {
    const source = await openSource({ path })
    expect(source).toMatchObject({ kind: example.kind, path })
    const range = await renderRange(source, { target: 'head' })
    expect(range).toMatchObject({ revision: all.at(-1), revisions: all })
    expect(stepsOf(range.upgradeSql).map(({ kind }) => kind)).toEqual(example.steps)
    await withClient(database.dsn, async (client) => {
      await apply(client, range.upgradeSql)
      expect(await schemaOf(client)).toContain(example.makes)
      await apply(client, range.downgradeSql ?? 'drop schema public cascade; create schema public')
      expect(await schemaOf(client)).toEqual([])
    })
    expect(range.downgradeSql !== null).toBe(example.hasWayBack)
    expect(range.downgradeMissing === null).toBe(example.hasWayBack)
  })

  test(`${example.path}: one by one comes to the same, in every way of asking`, async ({ database }) => {
    const source = await openSource({ path, kind: example.kind })
    const listed = await source.list()
    expect(listed.map(({ revision }) => revision)).toEqual(all)
    expect(listed.every(({ description }) => /^[A-Za-z][\w ]+$/.test(description))).toBe(true)
    await withClient(database.dsn, async (client) => {
      const states: string[][] = [await schemaOf(client)]
      for (const version of listed) {
        await apply(client, version.upgradeSql)
        states.push(await schemaOf(client))
      }
      expect(states.at(-1)).toContain(example.makes)
      if (!example.hasWayBack) return
      for (const [index, version] of [...listed.entries()].toReversed()) {
        await apply(client, version.downgradeSql ?? '')
        expect(await schemaOf(client)).toEqual(states[index])
      }
      for (const [index, revision] of all.entries()) {
        const after = index === 0 ? {} : { after: all[index - 1]! }
        const range = await renderRange(source, { ...after, target: revision })
        expect(range).toMatchObject({ revision, revisions: [revision] })
        await apply(client, range.upgradeSql)
        expect(await schemaOf(client)).toEqual(states[index + 1])
        await apply(client, range.downgradeSql!)
        expect(await schemaOf(client)).toEqual(states[index])
        await apply(client, range.upgradeSql)
      }
    })
  })
}

async function withClient(dsn: string, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: dsn })
  await client.connect()
  try {
    await use(client)
  } finally {
    await client.end()
  }
}

describe('examples', () => {
  for (const example of examples) check(example)
})
withProgram('alembic').describe('the example of Alembic', () => {
  check(alembicExample)
})

/** The planner by itself, with rules as small as can be: what is entailed, in which order, in which transactions. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { detectRenames } from '../../src/schema/diff/renames.ts'
import type { Dialect } from '../../src/schema/dialects/dialect.ts'
import type { KindRule } from '../../src/schema/plan/action.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import {
  idOf,
  makeSnapshot,
  objectId,
  type SchemaObject,
  type Snapshot,
} from '../../src/schema/snapshot/snapshot.ts'

const plain: KindRule = {
  create: (object) => [{ sql: `create ${idOf(object)}` }],
  drop: (object) => [{ sql: `drop ${idOf(object)}` }],
  alter: ({ id }) => ({ actions: [{ sql: `alter ${id}` }] }),
  rename: ({ from, id }) => [{ sql: `rename ${idOf(from)} to ${id}` }],
}

const refuse = (): never => {
  throw new Error('The planner asks for no connection.')
}

const toy: Dialect = {
  name: 'postgres',
  connect: refuse,
  inspect: refuse,
  catalogueFingerprint: refuse,
  scratch: refuse,
  transactionalDdl: true,
  locksTables: true,
  preamble: [],
  begin: 'begin',
  quote: (name) => name.join('.'),
  settings: () => [],
  lock: refuse,
  priority: { type: 10, table: 20, column: 30, link: 40, view: 50, index: 60 },
  claims: (object) => (['table', 'view'].includes(object.kind) ? [`relation ${object.name.join('.')}`] : []),
  rules: {
    table: {
      ...plain,
      create: (object, context) => {
        const columns = context.partsAfter(idOf(object)).filter((part) => part.kind === 'column')
        return [{ sql: `create ${idOf(object)}`, creates: [idOf(object), ...columns.map(idOf)] }]
      },
    },
    column: {
      ...plain,
      stepAside: (from) => ({
        release: [{ sql: `release ${idOf(from)}` }],
        restore: [{ sql: `restore ${idOf(from)}` }],
      }),
    },
    link: plain,
    type: { ...plain, alter: () => 'replace' },
    view: { create: plain.create, drop: plain.drop },
    index: {
      ...plain,
      create: (object) => [{ sql: `create ${idOf(object)}`, transactional: false, long: true }],
    },
  },
  rename: (snapshot, from, name) =>
    makeSnapshot(
      snapshot.dialect,
      snapshot.serverVersion,
      snapshot.objects.map((object) => renamed(object, from, name)),
      [],
    ),
}

function renamed(object: SchemaObject, from: SchemaObject, name: readonly string[]): SchemaObject {
  const change = (id: string): string => (id === idOf(from) ? objectId(from.kind, ...name) : id)
  return {
    ...object,
    name: idOf(object) === idOf(from) ? name : object.name,
    parent: object.parent === null ? null : change(object.parent),
    dependsOn: object.dependsOn.map(change),
  }
}

interface Spec {
  readonly id: string
  readonly parent?: string
  readonly on?: readonly string[]
  readonly is?: string
}

function schema(...specs: readonly Spec[]): Snapshot {
  const objects = specs.map(({ id, parent = null, on = [], is = '' }): SchemaObject => {
    const [kind, name] = id.split(':') as [string, string]
    return { kind, name: name.split('.'), parent, properties: { is }, dependsOn: [...on].toSorted() }
  })
  return makeSnapshot('postgres', '18.0', objects, [])
}

function sqlOf(from: Snapshot, to: Snapshot): string[] {
  return makePlan(toy, from, to).steps.map((step) => step.sql)
}

test('equal schemas need no step', () => {
  const same = schema({ id: 'table:a' }, { id: 'column:a.x', parent: 'table:a' })
  expect(sqlOf(same, same)).toEqual([])
})

test('what a table brings along is not created again, and what depends on it comes after', () => {
  const to = schema(
    { id: 'view:a_view', on: ['table:z', 'column:z.x'] },
    { id: 'table:z' },
    { id: 'column:z.x', parent: 'table:z', on: ['type:mood'] },
    { id: 'type:mood' },
  )
  expect(sqlOf(schema(), to)).toEqual(['create type:mood', 'create table:z', 'create view:a_view'])
  expect(sqlOf(to, schema())).toEqual(['drop view:a_view', 'drop table:z', 'drop type:mood'])
})

test('a view on an altered column stays; a view on a replaced view is replaced too', () => {
  const state = (column: string, view: string): Snapshot =>
    schema(
      { id: 'table:t' },
      { id: 'column:t.x', parent: 'table:t', is: column },
      { id: 'view:one', on: ['column:t.x'], is: view },
      { id: 'view:two', on: ['view:one'] },
    )
  expect(sqlOf(state('int', 'v'), state('bigint', 'v'))).toEqual(['alter column:t.x'])
  expect(sqlOf(state('int', 'v'), state('int', 'w'))).toEqual([
    'drop view:two',
    'drop view:one',
    'create view:one',
    'create view:two',
  ])
})

test('a column steps aside while its type is made anew, and is never dropped for it', () => {
  const state = (values: string): Snapshot =>
    schema(
      { id: 'type:mood', is: values },
      { id: 'table:t' },
      { id: 'column:t.x', parent: 'table:t', on: ['type:mood'] },
    )
  expect(sqlOf(state('a'), state('b'))).toEqual([
    'release column:t.x',
    'drop type:mood',
    'create type:mood',
    'restore column:t.x',
  ])
})

test('two tables that link to each other are dropped by dropping a link first', () => {
  const from = schema(
    { id: 'table:a' },
    { id: 'table:b' },
    { id: 'link:a.to_b', parent: 'table:a', on: ['table:b'] },
    { id: 'link:b.to_a', parent: 'table:b', on: ['table:a'] },
  )
  const steps = sqlOf(from, schema())
  expect(steps.slice(-2).toSorted()).toEqual(['drop table:a', 'drop table:b'])
  expect(steps.length).toBeGreaterThan(2)
})

test('a table that becomes a view of the same name makes room first', () => {
  const from = schema({ id: 'table:a' }, { id: 'table:b' })
  const to = schema({ id: 'view:a', on: ['table:b'] }, { id: 'table:b' })
  expect(sqlOf(from, to)).toEqual(['drop table:a', 'create view:a'])
})

test('an index is built after the transaction, outside of any, with time for both locks and work', () => {
  const from = schema({ id: 'table:t' }, { id: 'index:old', parent: 'table:t' })
  const to = schema({ id: 'table:t', is: 'new' }, { id: 'index:fresh', parent: 'table:t' }, { id: 'table:u' })
  const { steps } = makePlan(toy, from, to)
  expect(steps.map(({ sql, group }) => [sql, group])).toEqual([
    ['alter table:t', 1],
    ['create table:u', 1],
    ['create index:fresh', null],
    ['drop index:old', 2],
  ])
  expect(steps[2]).toMatchObject({ lockTimeoutMs: 1_200_000, statementTimeoutMs: 1_200_000 })
  expect(steps[0]).toMatchObject({ lockTimeoutMs: 2000 })
})

test('the reversals of all steps, from the last to the first, are the plan that leads back', () => {
  const from = schema({ id: 'table:t' }, { id: 'index:old', parent: 'table:t' })
  const to = schema({ id: 'table:t', is: 'new' }, { id: 'index:fresh', parent: 'table:t' }, { id: 'table:u' })
  const { steps } = makePlan(toy, from, to)
  const wayBack = makePlan(toy, to, from, { style: 'plain' }).steps.map(({ sql }) => sql)
  expect(wayBack).toHaveLength(4)
  expect(steps.toReversed().flatMap(({ reversal }) => reversal)).toEqual(wayBack)
})

test('a rename is found only where nothing else explains it', () => {
  const table = (name: string): Spec[] => [
    { id: `table:${name}` },
    { id: `column:${name}.x`, parent: `table:${name}`, is: 'int' },
    { id: `column:${name}.y`, parent: `table:${name}`, is: 'text' },
  ]
  const [from, to] = [schema(...table('old')), schema(...table('new'))]
  expect(detectRenames(toy, from, to)).toEqual([{ from: 'table:old', to: 'new', certain: true }])
  const two = schema(...table('new'), ...table('other'))
  expect(detectRenames(toy, from, two)).toEqual([])
  const column = (name: string): Snapshot =>
    schema({ id: 'table:t' }, { id: `column:t.${name}`, parent: 'table:t', is: 'text' })
  expect(detectRenames(toy, column('fax'), column('nickname'))).toEqual([
    { from: 'column:t.fax', to: 'nickname', certain: false },
  ])
})

test('a renamed object is not dropped', () => {
  const from = schema({ id: 'table:t' }, { id: 'view:v', on: ['table:t'] })
  const to = schema({ id: 'table:u' }, { id: 'view:v', on: ['table:u'] })
  const plan = makePlan(toy, from, to, {}, [{ from: 'table:t', to: 'u' }])
  expect(plan.steps.map((step) => step.sql)).toEqual(['rename table:t to table:u'])
  expect(() => makePlan(toy, from, to, {}, [{ from: 'table:nope', to: 'u' }])).toThrow(/not in the source/u)
})

/** Runs the steps of a plan on a set of ids, refusing what a real database would. */
function rehearse(from: Snapshot, to: Snapshot): Map<string, SchemaObject> {
  const now = new Map(from.objects.map((object) => [idOf(object), object]))
  const wanted = new Map(to.objects.map((object) => [idOf(object), object]))
  for (const step of makePlan(toy, from, to).steps) {
    for (const id of step.drops) {
      const gone = new Set([id, ...[...now.values()].filter((o) => o.parent === id).map(idOf)])
      const held = [...now.values()].filter(
        (o) => !gone.has(idOf(o)) && o.dependsOn.some((other) => gone.has(other)),
      )
      expect(held.map(idOf)).toEqual([])
      for (const each of gone) now.delete(each)
    }
    for (const id of step.creates) {
      expect(now.has(id)).toBe(false)
      now.set(id, wanted.get(id) as SchemaObject)
    }
    for (const id of step.alters) {
      const target = wanted.get(id)
      if (!step.sql.startsWith('release') && target !== undefined) now.set(id, target)
      if (step.sql.startsWith('release')) now.set(id, { ...(now.get(id) as SchemaObject), dependsOn: [] })
    }
    for (const object of now.values()) {
      for (const dependency of object.dependsOn) expect(now.has(dependency)).toBe(true)
    }
  }
  return now
}

const anySchema = fc
  .array(fc.record({ view: fc.boolean(), is: fc.constantFrom('a', 'b'), on: fc.nat(6), also: fc.nat(6) }), {
    maxLength: 8,
  })
  .map((items) => {
    const idAt = (at: number): string => (items[at]?.view === true ? `view:o${at}` : `table:o${at}`)
    return schema(
      ...items.map(({ is, on, also }, at) => ({
        id: idAt(at),
        is,
        on: [...new Set([on, also])].filter((other) => other < at).map(idAt),
      })),
    )
  })

test('a circle that more than one alteration closes is opened one after the other', () => {
  const from = schema(
    { id: 'table:a' },
    { id: 'table:b', on: ['table:a'] },
    { id: 'table:c', on: ['table:a'] },
  )
  const on = { is: 'new', on: ['view:a'] }
  const to = schema({ id: 'view:a' }, { id: 'table:b', ...on }, { id: 'table:c', ...on })
  expect([...rehearse(from, to).keys()].toSorted()).toEqual(['table:b', 'table:c', 'view:a'])
})

test('property: any schema becomes any other, and nothing is ever missing on the way', () => {
  fc.assert(
    fc.property(anySchema, anySchema, (from, to) => {
      const result = rehearse(from, to)
      expect([...result.keys()].toSorted()).toEqual(to.objects.map(idOf).toSorted())
    }),
    { numRuns: 500 },
  )
})

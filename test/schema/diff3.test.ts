/** Three-way differences by value. */
import { expect, test } from 'vitest'
import { diff } from '../../src/schema/diff/diff.ts'
import { diff3 } from '../../src/schema/diff/diff3.ts'
import { makeSnapshot, type Properties, type Snapshot } from '../../src/schema/snapshot/snapshot.ts'

type Table = Readonly<Record<string, Properties>>

function schema(tables: Readonly<Record<string, Table>>): Snapshot {
  const objects = Object.entries(tables).flatMap(([table, columns]) => [
    { kind: 'table', name: [table], parent: null, properties: {}, dependsOn: [] },
    ...Object.entries(columns).map(([column, properties]) => ({
      kind: 'column',
      name: [table, column],
      parent: `table:${table}`,
      properties,
      dependsOn: [],
    })),
  ])
  return makeSnapshot('postgres', '18.0', objects, [])
}

const base = schema({
  orders: { id: { type: 'int', notNull: true }, note: { type: 'text', notNull: false } },
})

test('changes of different objects and different properties go together', () => {
  const ours = schema({
    orders: { id: { type: 'bigint', notNull: true }, note: { type: 'text', notNull: false } },
  })
  const theirs = schema({
    orders: { id: { type: 'int', notNull: false }, note: { type: 'text', notNull: false } },
    parcels: {},
  })
  const { merged, conflicts } = diff3(base, ours, theirs)
  expect(conflicts).toEqual([])
  const wanted = schema({
    orders: { id: { type: 'bigint', notNull: false }, note: { type: 'text', notNull: false } },
    parcels: {},
  })
  expect(merged.fingerprint).toBe(wanted.fingerprint)
  expect(diff(merged, wanted)).toEqual([])
})

test('the same change on both sides is no conflict', () => {
  const both = schema({ orders: { id: { type: 'int', notNull: true } } })
  expect(diff3(base, both, both)).toMatchObject({ conflicts: [], merged: { fingerprint: both.fingerprint } })
})

test('two values for one property, and a drop against a change, are conflicts with what each side did', () => {
  const retyped = (type: string): Snapshot =>
    schema({ orders: { id: { type, notNull: true }, note: { type: 'text', notNull: false } } })
  const twoTypes = diff3(base, retyped('bigint'), retyped('uuid'))
  expect(twoTypes.conflicts).toMatchObject([
    {
      id: 'column:orders.id',
      properties: ['type'],
      message: 'column:orders.id: ours sets type to "bigint", theirs sets type to "uuid"',
    },
  ])
  expect(twoTypes.merged.fingerprint).toBe(retyped('bigint').fingerprint)
  const dropped = schema({ orders: { note: { type: 'text', notNull: false } } })
  expect(diff3(base, dropped, retyped('bigint')).conflicts).toMatchObject([{ id: 'column:orders.id' }])
})

test('a column added to a table that the other side dropped is a conflict', () => {
  const ours = schema({})
  const theirs = schema({
    orders: {
      id: { type: 'int', notNull: true },
      note: { type: 'text', notNull: false },
      extra: { type: 'text', notNull: false },
    },
  })
  expect(diff3(base, ours, theirs).conflicts.length).toBeGreaterThan(0)
  expect(diff3(base, theirs, ours).conflicts.length).toBeGreaterThan(0)
})

import { expect, test } from 'vitest'
import { openSource, renderRange, type Rendered, type Source } from '../../../src/schema/sources/index.ts'
import { stepsOf } from '../../../src/schema/statements.ts'
import { errorOf } from '../errors.ts'
import { folderWith } from './folders.ts'

async function fourVersions(): Promise<Source> {
  const path = await folderWith({
    '1_a.sql': 'select 1 -- no semicolon',
    '1_a.down.sql': 'select -1',
    '2_b\n; drop.sql': 'begin; select 2; commit;\nselect 22;',
    '2_b.down.sql': 'select -2',
    '3_c.sql': '-- tenantry: no-transaction\nselect 3; select 33',
    '3_c.down.sql': 'select -3;\n',
    '4_d.sql': '/* nothing */',
    '4_d.down.sql': '',
  })
  return await openSource({ path })
}

const stepsIn = (sql: string): string[] =>
  stepsOf(sql).map((step) => `${step.kind}: ${step.statements.map(({ text }) => text).join(' | ')}`)

const render = async (after: string | undefined, target: string): Promise<Rendered> =>
  await renderRange(await fourVersions(), { after, target })

test('everything, in order; a part that runs outside a transaction leaves the others theirs', async () => {
  const range = await render(undefined, 'head')
  expect(range).toMatchObject({ revision: '4', revisions: ['1', '2', '3', '4'], downgradeMissing: null })
  expect(stepsIn(range.upgradeSql)).toEqual([
    'transaction: select 1',
    'transaction: select 2',
    'transaction: select 22',
    'single: select 3',
    'single: select 33',
  ])
  expect(stepsIn(range.downgradeSql!)).toEqual(['transaction: select -3 | select -2 | select -1'])
})

test('names of files end in comments, whatever they are', async () => {
  const { upgradeSql } = await render(undefined, '2')
  expect(upgradeSql).toContain('\n-- 2: b ; drop\n')
  expect(stepsIn(upgradeSql)).toEqual([
    'transaction: select 1',
    'transaction: select 2',
    'transaction: select 22',
  ])
})

test('one version stays as it was written', async () => {
  expect((await render(undefined, '1')).upgradeSql).toBe('select 1 -- no semicolon')
  expect(await render('2', '3')).toMatchObject({
    revision: '3',
    upgradeSql: '-- tenantry: no-transaction\nselect 3; select 33',
    downgradeSql: 'select -3;\n',
  })
})

test('without a way back from one of them there is none', async () => {
  const path = await folderWith({ '1_a.sql': 'select 1', '1_a.down.sql': 'select -1', '2_b.sql': 'select 2' })
  const range = await renderRange(await openSource({ path }), { target: 'head' })
  expect(range).toMatchObject({ downgradeSql: null, downgradeMissing: 'There is no way back from 2.' })
})

test.each([
  ['9', 'head', 'There is no revision "9" in the source', 'Revisions: 1, 2, 3, 4.'],
  [undefined, '5', 'There is no revision "5" in the source', 'Revisions: 1, 2, 3, 4.'],
  ['3', '2', 'Revision 2 comes before 3: there is no way up from one to the other', 'Revisions: 1, 2, 3, 4.'],
  ['2', '2', 'There is nothing after revision 2', 'Revisions: 1, 2, 3, 4.'],
  ['4', 'head', 'There is nothing after revision 4', 'Revisions: 1, 2, 3, 4.'],
])('from %s to %s is refused', async (after, target, message, nextStep) => {
  const error = await errorOf(() => render(after, target))
  expect(error.code).toBe('invalid_input')
  expect(error.message).toContain(message)
  expect(error.facts.nextSteps).toEqual([nextStep])
})

test('of many revisions the last are named', async () => {
  const names = Array.from({ length: 300 }, (_, i) => [`${1000 + i}_x.sql`, ''] as const)
  const source = await openSource({ path: await folderWith(Object.fromEntries(names)) })
  const error = await errorOf(() => renderRange(source, { target: '7' }))
  expect(error.facts.nextSteps?.[0]).toMatch(/^The last of 300 revisions: 1280, .*, 1299\.$/)
})

test('a fault in a file outside of the range is no obstacle', async () => {
  const path = await folderWith({ '1_a.sql': "select 'x", '2_b.sql': 'select 2', '3_c.sql': '\n\nrollback' })
  const source = await openSource({ path })
  expect((await renderRange(source, { after: '1', target: '2' })).upgradeSql).toBe('select 2')
  const error = await errorOf(() => renderRange(source, { after: '1', target: 'head' }))
  expect(error.message).toBe(
    'Revision 3 (3_c.sql): Line 3: rollback cannot be part of a version: Tenantry itself begins and commits the ' +
      'transaction it runs in',
  )
})

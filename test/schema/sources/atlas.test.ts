/** Atlas directories: sums, directives, checkpoints. */
import { cp, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openSource, renderRange } from '../../../src/schema/sources/index.ts'
import { stepsOf } from '../../../src/schema/statements.ts'
import { errorOf } from '../errors.ts'
import { EXAMPLES, folderWith } from './folders.ts'

/** The sums are those of the algorithm that Atlas documents, computed apart from this code. */
const CHECKPOINTED = {
  '1_a.sql': 'select 1;\n',
  '2_checkpoint.sql': '-- atlas:checkpoint\n\nselect 12;\n',
  '3_b.sql': '-- atlas:txmode none\n\nselect 3;\n',
  'atlas.sum': `h1:Nm/kaPEzMGC9/C6yqEyFdAyxSCsmv7C7JkfVxEa54Do=
1_a.sql h1:0xoiBEBByCn3Qg4/3ZN3bzJGTBHXJNbUIxA6ZttFvio=
2_checkpoint.sql h1:UQUXO363XNfqQkYAm7EbmhE7dJp07JasWsr1FBuOrpA=
3_b.sql h1:OHzzG2xEON+tVoHly1UapX2u5AX+GNYRgvopoWj6XAw=
`,
}

async function copyOfExample(change: (folder: string) => Promise<void>): Promise<string> {
  const folder = await folderWith({})
  await cp(join(EXAMPLES, 'atlas'), folder, { recursive: true })
  await change(folder)
  return folder
}

async function refusal(path: string): Promise<string> {
  const error = await errorOf(async () => (await openSource({ path })).list())
  expect(error).toMatchObject({ code: 'source_invalid' })
  expect(error.facts.nextSteps).toHaveLength(1)
  return error.message.replaceAll(path, 'FOLDER')
}

test('a later checkpoint is passed over: those before it have run what it stands for', async () => {
  const source = await openSource({ path: await folderWith(CHECKPOINTED) })
  expect(await source.list()).toMatchObject([
    { revision: '1', description: 'a', native: { standIns: ['2'] } },
    {
      revision: '3',
      description: 'b',
      native: {
        checksums: [
          'OHzzG2xEON+tVoHly1UapX2u5AX+GNYRgvopoWj6XAw=',
          'h1:OHzzG2xEON+tVoHly1UapX2u5AX+GNYRgvopoWj6XAw=',
        ],
        standIns: [],
      },
    },
  ])
  const { upgradeSql } = await renderRange(source, { target: 'head' })
  expect(stepsOf(upgradeSql).map(({ kind, sql }) => [kind, sql])).toEqual([
    ['transaction', 'select 1'],
    ['single', 'select 3'],
  ])
})

describe('atlas.sum', () => {
  test.for<[string, (folder: string) => Promise<void>, string]>([
    [
      'a changed file',
      async (folder) => {
        const file = join(folder, '20260107140100_touch_orders.sql')
        await writeFile(file, `${await readFile(file, 'utf8')}-- more\n`)
      },
      '20260107140100_touch_orders.sql was changed, or one before it',
    ],
    [
      'a new file',
      (folder) => writeFile(join(folder, '20260109000000_x.sql'), 'select 1'),
      '20260109000000_x.sql is not in it',
    ],
    [
      'a line less',
      async (folder) => {
        const file = join(folder, 'atlas.sum')
        const lines = (await readFile(file, 'utf8')).split('\n')
        await writeFile(file, lines.toSpliced(3, 1).join('\n'))
      },
      '20260108103000_index_orders_by_customer.sql is not in it',
    ],
    [
      'a line more',
      async (folder) => {
        const file = join(folder, 'atlas.sum')
        await writeFile(file, `${await readFile(file, 'utf8')}20260110_x.sql h1:aaaa\n`)
      },
      '20260110_x.sql is gone',
    ],
    [
      'another first line',
      async (folder) => {
        const file = join(folder, 'atlas.sum')
        await writeFile(file, (await readFile(file, 'utf8')).replace(/^h1:./, 'h1:_'))
      },
      'its first line is not the sum of the others',
    ],
  ])('%s is refused', async ([, change, message]) => {
    const path = await copyOfExample(change)
    expect(await refusal(path)).toBe(`FOLDER/atlas.sum does not fit the files: ${message}`)
  })
})

test('files with directives of Atlas and no atlas.sum are not taken for plain SQL without a word', async () => {
  const { 'atlas.sum': _, ...files } = CHECKPOINTED
  expect(await refusal(await folderWith(files))).toBe(
    '2_checkpoint.sql in FOLDER is a file of Atlas (-- atlas:…), and there is no atlas.sum: whether files were changed cannot be told',
  )
  const plain = await openSource({ path: await folderWith({ '1_a.sql': 'select 1' }) })
  expect([plain.kind, await plain.layout?.()]).toEqual(['sql', 'numbered files'])
})

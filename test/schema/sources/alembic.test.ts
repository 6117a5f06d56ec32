/** Projects of Alembic, run through the real program. */
import { chmod, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openSource, renderRange, type Rendered } from '../../../src/schema/sources/index.ts'
import { lastRunning, parseHistory, segmentsOf } from '../../../src/schema/sources/alembic-output.ts'
import { stepsOf } from '../../../src/schema/statements.ts'
import type { TenantryError } from '../../../src/lib/errors.ts'
import { withProgram } from '../../support/programs.ts'
import { errorOf } from '../errors.ts'
import { EXAMPLES, folderWith } from './folders.ts'

interface Revision {
  down?: string | string[]
  up?: string
  back?: string
  head?: string
}

/** A project like the example's, with these revisions. */
async function project(
  revisions: Record<string, Revision>,
  changes: Record<string, string> = {},
): Promise<string> {
  const example = join(EXAMPLES, 'alembic')
  const files: Record<string, string> = {
    'alembic.ini': await readFile(join(example, 'alembic.ini'), 'utf8'),
    'migrations/env.py': await readFile(join(example, 'migrations/env.py'), 'utf8'),
    'migrations/versions/.keep': '',
  }
  for (const [revision, { down, up, back, head = '' }] of Object.entries(revisions)) {
    files[`migrations/versions/${revision}.py`] = `"""Revision ${revision}"""
from alembic import op
import sqlalchemy as sa
revision = "${revision}"
down_revision = ${down === undefined ? 'None' : JSON.stringify(down)}
${head}
def upgrade():
    ${up ?? `op.execute("select '+${revision}'")`}
def downgrade():
    ${back ?? `op.execute("select '-${revision}'")`}
`
  }
  return await folderWith({ ...files, ...changes })
}

async function render(path: string, after: string | undefined, target: string): Promise<Rendered> {
  return await renderRange(await openSource({ path }), { after, target })
}

/** The marks of the revisions whose own SQL is in the text, in order. */
const marks = (sql: string | null): string[] =>
  [...(sql ?? '').matchAll(/'([+-]\w+)'/g)].map((match) => match[1]!)

async function refusal(path: string, after?: string, target = 'head'): Promise<TenantryError> {
  const error = await errorOf(() => render(path, after, target))
  expect(error.facts.nextSteps?.length).toBeGreaterThan(0)
  return error
}

const line = { a1: {}, a2: { down: 'a1' }, a3: { down: 'a2' } }
/** x0 branches into x1 and y1, which are merged in mm. */
const merged = {
  x0: {},
  x1: { down: 'x0' },
  y1: { down: 'x0' },
  mm: { down: ['x1', 'y1'] },
  z1: { down: 'mm' },
}

withProgram('alembic').describe('ranges', () => {
  test.each([
    [undefined, 'head', ['a1', 'a2', 'a3']],
    ['base', 'a2', ['a1', 'a2']],
    ['a1', 'a2', ['a2']],
    ['a1', 'heads', ['a2', 'a3']],
  ])('from %s to %s', async (after, target, revisions) => {
    const range = await render(await project(line), after, target)
    expect(range).toMatchObject({ revision: revisions.at(-1), revisions, downgradeMissing: null })
    expect(marks(range.upgradeSql)).toEqual(revisions.map((revision) => `+${revision}`))
    expect(marks(range.downgradeSql)).toEqual(revisions.toReversed().map((revision) => `-${revision}`))
  })

  test("alembic's own table goes along", async () => {
    const { upgradeSql, downgradeSql } = await render(await project(line), undefined, 'a1')
    expect(upgradeSql).toMatch(
      /CREATE TABLE IF NOT EXISTS alembic_version[\s\S]*INSERT INTO alembic_version .*'a1'/,
    )
    expect(downgradeSql).toMatch(/DELETE FROM alembic_version .*'a1'/)
  })

  test('the beginning of an id is enough when it is the only one', async () => {
    const path = await project({ '3f1c': {}, '3fa2': { down: '3f1c' } })
    expect(await render(path, '3f1', '3fa')).toMatchObject({ revision: '3fa2', revisions: ['3fa2'] })
    expect((await refusal(path, undefined, '3f')).message).toContain('There is no revision "3f"')
  })

  test('a branch that was merged in comes along, but alembic cannot take it back', async () => {
    const range = await render(await project(merged), 'x1', 'z1')
    expect(range.revisions).toEqual(['y1', 'mm', 'z1'])
    expect(range.downgradeSql).toBeNull()
    expect(range.downgradeMissing).toBe('A merge brings in y1, which alembic does not undo on the way back.')
    const whole = await render(await project(merged), 'x0', 'z1')
    expect(whole.revisions.toSorted()).toEqual(['mm', 'x1', 'y1', 'z1'])
    expect(marks(whole.downgradeSql)).toEqual(['-z1', '-mm', '-x1', '-y1'])
  })

  test('a dependency on another branch comes along', async () => {
    const path = await project({ b1: {}, a1: {}, a2: { down: 'a1', head: 'depends_on = "b1"' } })
    expect((await render(path, 'a1', 'a2')).revisions).toEqual(['b1', 'a2'])
  })

  test.each([
    [line, 'a2', 'a1', 'Revision a1 comes before a2'],
    [line, 'a2', 'a2', 'There is nothing after revision a2'],
    [line, 'a3', 'head', 'There is nothing after revision a3'],
    [line, undefined, 'zz', 'There is no revision "zz"'],
    [line, '', 'a1', 'There is no revision ""'],
    [line, undefined, 'a1 --help', 'There is no revision "a1 --help"'],
    [{}, undefined, 'head', 'The source has no revisions'],
  ])('%j from %s to %s is refused', async (revisions, after, target, message) => {
    const error = await refusal(await project(revisions), after, target)
    expect(error.code).toBe('invalid_input')
    expect(error.message).toContain(message)
  })

  test('several heads: as a target, and as what would be left', async () => {
    const path = await project({ x0: {}, x1: { down: 'x0' }, y1: { down: 'x0' } })
    for (const target of ['head', 'heads']) {
      const error = await refusal(path, 'x0', target)
      expect(error.code).toBe('source_invalid')
      expect(error.message).toMatch(
        /^Multiple head revisions are present in .*alembic\.ini: (x1, y1|y1, x1)$/,
      )
    }
    expect((await refusal(path, 'x1', 'y1')).message).toContain(
      'would leave several heads side by side: x1, y1',
    )
    expect((await render(path, 'x0', 'y1')).revisions).toEqual(['y1'])
  })

  test('a way back that does not exist', async () => {
    const path = await project({
      ...line,
      a2: { down: 'a1', back: 'raise NotImplementedError("data is gone")' },
    })
    expect(await render(path, 'a1', 'head')).toMatchObject({
      downgradeSql: null,
      downgradeMissing: 'Revision a2 says that it cannot be undone.',
    })
    expect((await render(path, 'a2', 'head')).downgradeSql).not.toBeNull()
  })

  test('blocks outside of any transaction; a transaction per revision', async () => {
    const block = 'with op.get_context().autocommit_block():\n        op.execute("vacuum")'
    const revisions = { a1: {}, a2: { down: 'a1', up: block, back: block }, a3: { down: 'a2' } }
    const kinds = (sql: string | null): string[] => stepsOf(sql ?? '').map(({ kind }) => kind)
    const range = await render(await project(revisions), undefined, 'head')
    expect(kinds(range.upgradeSql)).toEqual(['transaction', 'single', 'transaction'])
    expect(kinds(range.downgradeSql)).toEqual(['transaction', 'single', 'transaction'])

    const env = await readFile(join(EXAMPLES, 'alembic/migrations/env.py'), 'utf8')
    const perRevision = env.replace(
      'literal_binds=True',
      'literal_binds=True, transaction_per_migration=True',
    )
    const path = await project(line, { 'migrations/env.py': perRevision })
    const three = ['transaction', 'transaction', 'transaction']
    expect(kinds((await render(path, undefined, 'head')).upgradeSql)).toEqual(three)
    const versions = await (await openSource({ path })).list()
    expect(versions.map(({ upgradeSql }) => kinds(upgradeSql))).toEqual([
      ['transaction'],
      ['transaction'],
      ['transaction'],
    ])
    expect(versions.map(({ downgradeSql }) => marks(downgradeSql))).toEqual([['-a1'], ['-a2'], ['-a3']])
  })
})

withProgram('alembic').describe('all versions', () => {
  test('each is whole in itself, also where a transaction reaches over several', async () => {
    const versions = await (await openSource({ path: await project(line) })).list()
    expect(versions.map(({ revision, description }) => [revision, description])).toEqual([
      ['a1', 'Revision a1'],
      ['a2', 'Revision a2'],
      ['a3', 'Revision a3'],
    ])
    for (const { revision, upgradeSql, downgradeSql } of versions) {
      expect(marks(upgradeSql)).toEqual([`+${revision}`])
      expect(marks(downgradeSql)).toEqual([`-${revision}`])
      expect(stepsOf(upgradeSql)).toHaveLength(1)
      expect(stepsOf(downgradeSql!)).toHaveLength(1)
    }
  })

  test('with branches: the order of alembic', async () => {
    const versions = await (await openSource({ path: await project(merged) })).list()
    expect(versions.map(({ revision }) => revision)).toEqual([
      'x0',
      expect.any(String),
      expect.any(String),
      'mm',
      'z1',
    ])
    expect(versions.map(({ downgradeSql }) => marks(downgradeSql))).toEqual(
      versions.map(({ revision }) => [`-${revision}`]),
    )
  })

  test('one that cannot be undone does not take the others along', async () => {
    const path = await project({ ...line, a2: { down: 'a1', back: 'raise NotImplementedError' } })
    const versions = await (await openSource({ path })).list()
    expect(versions.map(({ downgradeSql }) => marks(downgradeSql))).toEqual([['-a1'], [], ['-a3']])
  })
})

withProgram('alembic').describe('projects that cannot be used', () => {
  test('reading rows, named with the revision', async () => {
    const up = 'op.get_bind().execute(sa.text("select 1")).fetchall()'
    const error = await refusal(await project({ a1: {}, a2: { down: 'a1', up } }))
    expect(error.code).toBe('source_invalid')
    expect(error.message).toMatch(/^Revision a2 of .* reads from the database, .*no attribute 'fetchall'$/)
    expect(error.facts.nextSteps?.[0]).toContain('op.execute')
  })

  test('a statement that cannot run in the transaction around it', async () => {
    const up = 'op.execute("create index concurrently i on t (a)")'
    const error = await refusal(await project({ a1: { up } }))
    expect(error.message).toMatch(
      /^The upgrade to a1: Line \d+: create index concurrently i on t \(a\) cannot run inside/,
    )
    expect(error.facts.nextSteps?.[0]).toContain('autocommit_block()')
  })

  const ini = readFile(join(EXAMPLES, 'alembic/alembic.ini'), 'utf8')
  const broken: [string, () => Promise<string>, string | RegExp][] = [
    [
      'a cycle',
      () => project({ a1: { down: 'a2' }, a2: { down: 'a1' } }),
      /Cycle is detected in revisions \((a1, a2|a2, a1)\)/,
    ],
    [
      'a parent that is missing',
      () => project({ a1: { down: 'gone' } }),
      'Revision gone referenced from gone -> a1',
    ],
    [
      'a revision that is there twice',
      () =>
        project(
          { a1: {} },
          { 'migrations/versions/b.py': 'revision = "a1"\ndown_revision = None\ndef upgrade(): pass' },
        ),
      'Revision a1 is present more than once',
    ],
    ['Python that is none', () => project({ a1: { up: 'op.execute(' } }), 'SyntaxError'],
    [
      'a module that is not installed',
      () => project({ a1: { head: 'import no_such_thing' } }),
      "No module named 'no_such_thing'",
    ],
    [
      'the URL of the template',
      async () => project(line, { 'alembic.ini': (await ini).replace('postgresql://', 'driver://') }),
      "Can't load plugin: sqlalchemy.dialects:driver",
    ],
    [
      'another database',
      async () => project(line, { 'alembic.ini': (await ini).replace('postgresql://', 'sqlite://') }),
      'is for SQLite, not for PostgreSQL',
    ],
    [
      'a variable that is not handed on',
      () => project(line, { 'migrations/env.py': 'import os\nos.environ["MY_OWN_URL"]' }),
      "KeyError: 'MY_OWN_URL'",
    ],
    [
      'an error with a password',
      () => project({ a1: { up: 'raise Exception("postgres://u:s3cret@h/d")' } }),
      '://u:***@h/d',
    ],
    [
      'an ini without the section',
      () => project({}, { 'alembic.ini': '[other]\n' }),
      /section|script_location/,
    ],
    [
      'an env.py that runs nothing',
      () => project(line, { 'migrations/env.py': 'pass' }),
      'instead of a3, a2, a1',
    ],
  ]
  test.each(broken)('%s', async (_name, make, message) => {
    const error = await refusal(await make())
    expect(error.code).toBe('source_invalid')
    expect(error.message).toMatch(message)
    expect(error.message).not.toContain('s3cret')
  })

  test('nothing is written into the project, and its path may have spaces', async () => {
    const path = await project(line, { 'a b/alembic.ini': (await ini).replace('%(here)s/', '%(here)s/../') })
    const before = await readdir(path, { recursive: true })
    expect((await render(join(path, 'a b', 'alembic.ini'), undefined, 'head')).revisions).toHaveLength(3)
    expect(await readdir(path, { recursive: true })).toEqual(before)
  })
})

test('without the program: how to install it', async () => {
  const path = process.env['PATH']
  process.env['PATH'] = '/nowhere'
  try {
    const error = await errorOf(async () => render(await project(line), undefined, 'head'))
    expect(error.code).toBe('program_missing')
    expect(error.facts.nextSteps?.[0]).toContain('sudo npm run setup:system')
  } finally {
    process.env['PATH'] = path
  }
})

test("the program of the project's own environment is preferred", async () => {
  const path = await project(line, {
    '.venv/bin/alembic': '#!/bin/sh\necho FAILED: own "$@" in "$PWD"; exit 1\n',
  })
  await chmod(join(path, '.venv/bin/alembic'), 0o755)
  expect((await refusal(path)).message).toContain(`own -c ./alembic.ini history --verbose in ${path}`)
})

test('the history: merges, dependencies, flags, and docstrings that look like entries', () => {
  const text = `Rev: mm (head) (mergepoint)
Merges: x1, y1
Also depends on: b1
Branch names: main
Path: /p/mm.py

    Rev: not one
    Parent: none

Rev: x1
Parent: <base>
Path: /p/x1.py

    First
`
  expect(parseHistory(text)).toEqual([
    { revision: 'x1', parents: [], dependencies: [], isHead: false, description: 'First' },
    {
      revision: 'mm',
      parents: ['x1', 'y1'],
      dependencies: ['b1'],
      isHead: true,
      description: 'Rev: not one',
    },
  ])
  expect(parseHistory('')).toEqual([])
})

test('a line in a string is no mark of a revision', () => {
  const text = "BEGIN;\n-- Running upgrade  -> a1\n\nselect '\n-- Running upgrade a1 -> fake\n';\nCOMMIT;\n"
  expect(segmentsOf(text, 'postgres')).toEqual([{ revision: 'a1', sql: text }])
  expect(lastRunning('-- Running downgrade a2 -> a1')).toEqual({ direction: 'downgrade', revision: 'a2' })
})

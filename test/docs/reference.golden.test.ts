/** What is made from the code and kept in review: reference pages, OpenAPI, the control database's schema. */
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, test } from 'vitest'
import { envExample, referencePages } from '../../scripts/docs/reference.ts'
import { ENDPOINTS } from '../../src/api/index.ts'
import { openControl } from '../../src/control/control.ts'
import { migrateControl } from '../../src/control/migrate.ts'
import { describeApi } from '../../src/http/documents.ts'
import { expectGolden } from '../support/golden.ts'
import { createDatabase } from '../support/postgres.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

test.each(Object.entries(referencePages()))(
  'docs/reference/%s tells what the code does',
  async (name, text) => {
    await expectGolden(`../../docs/reference/${name}`, text)
  },
)

test('.env.example names every setting', async () => {
  await expectGolden('../../.env.example', envExample())
})

test('the OpenAPI document', async () => {
  const { document } = describeApi(ENDPOINTS)
  await expectGolden('openapi.json', `${JSON.stringify(document, null, 2)}\n`)
})

test('the schema of the control database', async () => {
  const database = await createDatabase('golden')
  const control = openControl({ url: database.dsn })
  await migrateControl(control)
  const rows = await control.query<{ line: string }>(`
    select line from (
      select relname as name, attnum::int as place, format('%s.%s %s%s%s', relname, attname,
          format_type(atttypid, atttypmod), case when attnotnull then ' not null' else '' end,
          coalesce(' default ' || pg_get_expr(adbin, adrelid), '')) as line
        from pg_class join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where relnamespace = 'tenantry'::regnamespace and relkind = 'r'
      union all select conrelid::regclass::text, 1000, format('%s: %s', conname, pg_get_constraintdef(oid))
        from pg_constraint where connamespace = 'tenantry'::regnamespace and contype <> 'n'
      union all select tablename, 2000, indexdef from pg_indexes where schemaname = 'tenantry'
      union all select tgrelid::regclass::text, 3000, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    ) as parts order by regexp_replace(name, '^tenantry\\.', '') collate "C", place, line collate "C"`)
  await control.close()
  await database.drop()
  await expectGolden('control-schema.txt', `${rows.map((row) => row.line).join('\n')}\n`)
})

test('links between the documents lead somewhere', async () => {
  const pages = await readdir(ROOT, { recursive: true, encoding: 'utf8' }).then((names) =>
    names.filter((name) => name.endsWith('.md') && !/node_modules|\.tenantry|^dist/.test(name)),
  )
  const broken: string[] = []
  for (const page of pages) {
    const text = await readFile(path.join(ROOT, page), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)) {
      const file = path.resolve(ROOT, path.dirname(page), target)
      await readFile(file).catch(async () => {
        await readdir(file).catch(() => broken.push(`${page}: ${target}`))
      })
    }
  }
  expect(pages.length).toBeGreaterThan(10)
  expect(broken).toEqual([])
})

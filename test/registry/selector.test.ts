import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openControl, type Control } from '../../src/control/control.ts'
import { migrateControl } from '../../src/control/migrate.ts'
import { TenantryError } from '../../src/lib/errors.ts'
import { likePattern, parseSelector } from '../../src/registry/selector.ts'
import {
  countTenants,
  labelTenant,
  listTenants,
  registerTenants,
  retireTenant,
} from '../../src/registry/tenants.ts'
import { createDatabase, type TestDatabase } from '../support/postgres.ts'

describe('reading a selector', () => {
  test('terms, values, comparisons, negation', () => {
    expect(parseSelector(' plan:free,pro  -region:eu version<20260112_143000\tname:cmp_% ')).toEqual([
      { key: 'plan', operator: ':', values: ['free', 'pro'], negated: false },
      { key: 'region', operator: ':', values: ['eu'], negated: true },
      { key: 'version', operator: '<', values: ['20260112_143000'], negated: false },
      { key: 'name', operator: ':', values: ['cmp_%'], negated: false },
    ])
    expect(parseSelector('')).toEqual([])
  })

  test.each([
    ['plan', 'is not of the form key:value'],
    ['plan:', 'is not of the form key:value'],
    [':free', 'is not of the form key:value'],
    ['plan:a,,b', 'has an empty value'],
    ['plan<3', 'compares plan; only version can be compared'],
    ['version<20260112_143000,20260113_143000', 'compares with more than one version'],
    ['version:latest', 'names latest, which is not a version id'],
    ['version<none', 'names none, which is not a version id'],
    ['name:a\0b', 'NUL'],
  ])('%j is refused: %s', (text, why) => {
    expect(() => parseSelector(text)).toThrow(
      expect.objectContaining({
        code: 'invalid_input',
        message: expect.stringContaining(why) as string,
      }) as Error,
    )
  })

  const junk = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 60 }),
    fc
      .array(
        fc.constantFrom(
          '-',
          'plan',
          'version',
          'name',
          ':',
          '<',
          '<=',
          '>',
          '20260112_143000',
          'none',
          '%',
          ',',
          ' ',
          '\0',
          '\uD800',
          "'",
          '"',
          '\\',
          '_',
        ),
        { maxLength: 12 },
      )
      .map((parts) => parts.join('')),
  )

  test('junk is read or refused, never anything else', () => {
    fc.assert(
      fc.property(junk, (text) => {
        try {
          return parseSelector(text).length >= 0
        } catch (error) {
          return error instanceof TenantryError
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('in a pattern only % is special', () => {
    expect(likePattern('cmp_%')).toBe(String.raw`cmp\_%`)
    expect(likePattern(String.raw`a\b`)).toBe(String.raw`a\\b`)
  })
})

describe('selecting', () => {
  let database: TestDatabase
  let control: Control

  beforeAll(async () => {
    database = await createDatabase('selector')
    control = openControl({ url: database.dsn })
    await migrateControl(control)
    for (const name of ['pg-1', 'pg-2', 'old']) {
      await control.query(
        `insert into tenantry.db_servers (name, host, port, username, maintenance_database, sslmode, state)
         values ($1, 'nowhere', 1, 'nobody', 'postgres', 'disable', case $1 when 'old' then 'retired' else 'active' end)`,
        [name],
      )
    }
    const entry = (name: string, server: string, labels: Record<string, string> = {}, schema = '') => ({
      name,
      server,
      database: `db_${name.replaceAll(/\W/g, '_')}`,
      schema,
      labels,
    })
    await registerTenants(control, [
      entry('cmp_1', 'pg-1', { plan: 'free', region: 'eu' }),
      entry('cmp_2', 'pg-2', { plan: 'pro', region: 'eu' }),
      entry('cmpx3', 'pg-1', { plan: 'free', region: 'us' }),
      entry('plain', 'pg-2', {}, 'tenant_a'),
      entry("o'neil", 'pg-2', { note: 'it\'s "here"' }),
    ])
    await control.query(
      `update tenantry.tenants set version_id = '20260101_000000' where name in ('cmp_1', 'cmp_2')`,
    )
    await control.query(`update tenantry.tenants set version_id = '20260201_000000' where name = 'cmpx3'`)
    await control.query(`update tenantry.db_servers set state = 'active'`)
    await registerTenants(control, [entry('elsewhere', 'old')])
    await control.query(`update tenantry.db_servers set state = 'retired' where name = 'old'`)
  })
  afterAll(async () => {
    await control.close()
    await database.drop()
  })

  async function select(selector: string): Promise<string[]> {
    return (await listTenants(control, { selector, limit: 100 })).map((tenant) => tenant.name)
  }

  test.each([
    ['', ['cmp_1', 'cmp_2', 'cmpx3', "o'neil", 'plain']],
    ['name:cmp_%', ['cmp_1', 'cmp_2']],
    ['-name:cmp_%', ['cmpx3', "o'neil", 'plain']],
    ['name:plain,cmpx%', ['cmpx3', 'plain']],
    ['plan:free', ['cmp_1', 'cmpx3']],
    ['plan:free,pro region:eu', ['cmp_1', 'cmp_2']],
    ['-plan:free', ['cmp_2', "o'neil", 'plain']],
    ['-plan:free,pro', ["o'neil", 'plain']],
    ['server:pg-2', ['cmp_2', "o'neil", 'plain']],
    ['server:old', []],
    ['version<20260201_000000', ['cmp_1', 'cmp_2', "o'neil", 'plain']],
    ['version<=20260201_000000', ['cmp_1', 'cmp_2', 'cmpx3', "o'neil", 'plain']],
    ['version>20260101_000000', ['cmpx3']],
    ['version:none', ["o'neil", 'plain']],
    ['-version:none', ['cmp_1', 'cmp_2', 'cmpx3']],
    ['version:20260201_000000,none', ['cmpx3', "o'neil", 'plain']],
    ['-version:20260101_000000', ['cmpx3', "o'neil", 'plain']],
    ['schema:tenant_a', ['plain']],
    ['database:db_cmp_%', ['cmp_1', 'cmp_2']],
    ["name:o'neil", ["o'neil"]],
    ['constructor:x', []],
  ])('%j', async (selector, names) => {
    expect(await select(selector)).toEqual(names)
    expect(await countTenants(control, selector)).toBe(names.length)
  })

  test('what is read can be asked, whatever it is', async () => {
    const values = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 20 })
      .filter((text) => !/[\s,]/u.test(text))
    const key = fc.constantFrom('plan', 'name', 'server', 'database', 'schema', 'state', 'x.y-z')
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom('', '-'), key, values), { maxLength: 4 }),
        async (terms) => {
          const selector = terms.map(([minus, name, value]) => `${minus}${name}:${value}`).join(' ')
          expect(await countTenants(control, selector)).toBeLessThanOrEqual(6)
        },
      ),
      { numRuns: 100 },
    )
  })

  test('tenants that are retired are found by their state only', async () => {
    await retireTenant(control, 'plain')
    expect(await select('schema:tenant_a')).toEqual([])
    expect(await select('state:retired')).toEqual(['plain'])
    expect(await select('state:retired,active schema:tenant_a')).toEqual(['plain'])
    await control.query(`update tenantry.tenants set state = 'active' where name = 'plain'`)
  })

  test('labels are added and removed one by one', async () => {
    expect((await labelTenant(control, 'cmp_1', { plan: 'pro', extra: '1' })).labels).toEqual({
      plan: 'pro',
      region: 'eu',
      extra: '1',
    })
    expect((await labelTenant(control, 'cmp_1', { plan: 'free', extra: null })).labels).toEqual({
      plan: 'free',
      region: 'eu',
    })
    await expect(labelTenant(control, 'nobody', {})).rejects.toMatchObject({ code: 'not_found' })
  })

  test('pages follow each other without gaps', async () => {
    const names: string[] = []
    for (let after: string | undefined; ; after = names.at(-1)) {
      const page = await listTenants(control, { selector: '', after, limit: 2 })
      if (page.length === 0) break
      names.push(...page.map((tenant) => tenant.name))
    }
    expect(names).toEqual(await select(''))
  })
})

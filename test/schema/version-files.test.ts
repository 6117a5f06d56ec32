import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  checksumOf,
  isVersionId,
  readVersion,
  readVersions,
  type VersionDocument,
  writeVersion,
} from '../../src/schema/version-files.ts'
import { errorOf } from './errors.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenantry-versions-'))
})
afterEach(async () => {
  await rm(folder, { recursive: true })
})

function version(given: Partial<VersionDocument> = {}): VersionDocument {
  const content = { upgradeSql: 'create table a (id int);\n', downgradeSql: 'drop table a;\n', ...given }
  return {
    versionId: '20260112_143000',
    description: 'Add a "ä" table',
    checksum: checksumOf(content.upgradeSql, content.downgradeSql),
    source: 'examples/alembic',
    sourceRevision: 'a1',
    createdAt: '2026-01-12T14:30:00.000Z',
    ...content,
  }
}

describe('the checksum', () => {
  test('is of this form for good', () => {
    // printf 'tenantry-version-1\nupgrade 9\nselect 1;downgrade -\n' | sha256sum
    expect(checksumOf('select 1;', null)).toBe(
      '8c27178e4ca4f37718490e46c7d8e41640a7d9a5d49cbc6254b7681cad4c81a8',
    )
    // printf 'tenantry-version-1\nupgrade 2\nédowngrade 0\n' | sha256sum
    expect(checksumOf('é', '')).toBe('b53f4b55d00760d42266c842905bf79888b18a81ce63b42df5ccf7a377fba399')
  })

  test('differs for every other division of the same text', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('downgrade -\n', 'downgrade 0\n', ''),
    )
    const pair = fc.tuple(text, fc.option(text))
    fc.assert(
      fc.property(pair, pair, ([up1, down1], [up2, down2]) => {
        const same = up1 === up2 && down1 === down2
        expect(checksumOf(up1, down1) === checksumOf(up2, down2)).toBe(same)
      }),
    )
    expect(checksumOf('ab', 'c')).not.toBe(checksumOf('a', 'bc'))
    expect(checksumOf('a', '')).not.toBe(checksumOf('a', null))
    expect(checksumOf('adowngrade -\n', null)).not.toBe(checksumOf('a', null))
  })
})

describe('version ids', () => {
  test.each(['20260112_143000', '20240229_235959', '10000101_000000'])('%s is one', (id) => {
    expect(isVersionId(id)).toBe(true)
  })
  test.each([
    '20260230_000000',
    '20250229_000000',
    '20260112_240000',
    '20260112_146000',
    '20261301_000000',
    '20260100_000000',
    '../20260112_143000',
    '20260112_143000/..',
    '20260112_143000\n',
    '20260112143000',
    '',
    '٢٠٢٦٠١١٢_143000',
  ])('%j is none', async (versionId) => {
    expect(isVersionId(versionId)).toBe(false)
    expect((await errorOf(() => writeVersion(folder, version({ versionId })))).code).toBe('invalid_input')
    expect((await errorOf(() => readVersion(folder, versionId))).code).toBe('invalid_input')
  })
})

describe('writing and reading', () => {
  test.each([
    version(),
    version({ downgradeSql: null, source: null, sourceRevision: null }),
    version({ upgradeSql: '', downgradeSql: '' }),
    version({ upgradeSql: "\uFEFFselect 1;\r\nselect 'é😀';" }),
  ])('what was written is read: %j', async (document) => {
    await writeVersion(join(folder, 'new', 'deep'), document)
    expect(await readVersions(join(folder, 'new', 'deep'))).toEqual([document])
  })

  test('the files are what others read', async () => {
    const path = await writeVersion(folder, version())
    expect(path).toBe(join(folder, '20260112_143000'))
    expect((await readdir(path)).toSorted()).toEqual(['downgrade.sql', 'metadata.json', 'upgrade.sql'])
    expect(await readFile(join(path, 'upgrade.sql'), 'utf8')).toBe('create table a (id int);\n')
    expect(JSON.parse(await readFile(join(path, 'metadata.json'), 'utf8'))).toEqual({
      version_id: '20260112_143000',
      description: 'Add a "ä" table',
      checksum: version().checksum,
      source: 'examples/alembic',
      source_revision: 'a1',
      created_at: '2026-01-12T14:30:00.000Z',
    })
    await writeVersion(folder, version({ versionId: '20260112_143001', downgradeSql: null }))
    expect(await readdir(join(folder, '20260112_143001'))).not.toContain('downgrade.sql')
  })

  test('oldest first; other things in the folder are left alone', async () => {
    await writeVersion(folder, version({ versionId: '20260112_143001' }))
    await writeVersion(folder, version())
    await mkdir(join(folder, '.20260112_143002.abc'))
    await mkdir(join(folder, 'notes'))
    await writeFile(join(folder, 'README.md'), '')
    const ids = (await readVersions(folder)).map(({ versionId }) => versionId)
    expect(ids).toEqual(['20260112_143000', '20260112_143001'])
    expect(await readVersions(join(folder, 'none'))).toEqual([])
  })

  test('ten writers of the same: all succeed, nothing is left over', async () => {
    await Promise.all(Array.from({ length: 10 }, () => writeVersion(folder, version())))
    expect(await readdir(folder)).toEqual(['20260112_143000'])
  })

  test('ten writers of different content: one wins', async () => {
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => writeVersion(folder, version({ upgradeSql: `select ${i}` }))),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(await readdir(folder)).toEqual(['20260112_143000'])
    expect(await readVersions(folder)).toHaveLength(1)
  })
})

describe('what is refused', () => {
  test('other content under the same id, with both checksums', async () => {
    await writeVersion(folder, version())
    const other = version({ downgradeSql: null })
    const error = await errorOf(() => writeVersion(folder, other))
    expect(error.code).toBe('checksum_conflict')
    expect(error.message).toContain(version().checksum)
    expect(error.message).toContain(other.checksum)
    expect(await readVersion(folder, '20260112_143000')).toEqual(version())
  })

  test('a document whose checksum is not its own', async () => {
    const error = await errorOf(() => writeVersion(folder, version({ checksum: 'f'.repeat(64) })))
    expect(error.code).toBe('checksum_conflict')
    expect(await readdir(folder)).toEqual([])
  })

  test.each(['upgrade.sql', 'downgrade.sql'])('an edited %s, with both checksums', async (name) => {
    const path = join(await writeVersion(folder, version()), name)
    const edited = `${await readFile(path, 'utf8')} `
    await writeFile(path, edited)
    const error = await errorOf(() => readVersions(folder))
    expect(error.code).toBe('checksum_conflict')
    expect(error.message).toContain(version().checksum)
    const found = checksumOf(
      name === 'upgrade.sql' ? edited : version().upgradeSql,
      name === 'downgrade.sql' ? edited : version().downgradeSql,
    )
    expect(error.message).toContain(found)
  })

  test('a removed downgrade.sql is an edit too', async () => {
    await rm(join(await writeVersion(folder, version()), 'downgrade.sql'))
    expect((await errorOf(() => readVersion(folder, '20260112_143000'))).code).toBe('checksum_conflict')
  })

  test.each(['metadata.json', 'upgrade.sql'])('a version without %s', async (name) => {
    await rm(join(await writeVersion(folder, version()), name))
    const error = await errorOf(() => readVersion(folder, '20260112_143000'))
    expect(error.code).toBe('not_found')
    expect(error.message).toContain(name)
  })

  test('a version that is not there', async () => {
    expect((await errorOf(() => readVersion(folder, '20260101_000000'))).code).toBe('not_found')
  })

  test.each([
    '{',
    '[]',
    '{"version_id": 1}',
    '{"version_id": "20260112_143000", "description": "", "checksum": "x"}',
  ])('metadata %s', async (text) => {
    await writeFile(join(await writeVersion(folder, version()), 'metadata.json'), text)
    expect((await errorOf(() => readVersion(folder, '20260112_143000'))).code).toBe('source_invalid')
  })

  test('a renamed directory', async () => {
    await writeVersion(folder, version())
    await rename(join(folder, '20260112_143000'), join(folder, '20260112_143001'))
    const error = await errorOf(() => readVersions(folder))
    expect(error.code).toBe('source_invalid')
    expect(error.message).toContain('is of version "20260112_143000"')
  })

  test('files that lead out of the folder, are huge, no text or no files', async () => {
    const upgrade = join(await writeVersion(folder, version()), 'upgrade.sql')
    const attempt = async (): Promise<string> => {
      const error = await errorOf(() => readVersions(folder))
      await rm(upgrade, { recursive: true })
      return `${error.code}: ${error.message}`
    }
    await rm(upgrade)
    await symlink('/etc/hostname', upgrade)
    expect(await attempt()).toMatch(/^source_invalid: .*leads out of/)
    await writeFile(upgrade, Buffer.from([0x73, 0xff]))
    expect(await attempt()).toMatch(/^source_invalid: .*not valid UTF-8/)
    await writeFile(upgrade, '')
    await truncate(upgrade, 64 * 2 ** 20 + 1)
    expect(await attempt()).toMatch(/^source_invalid: .*65 MB; at most 64 MB/)
    await mkdir(upgrade)
    expect(await attempt()).toMatch(/^source_invalid: .*is not a file/)
  })
})

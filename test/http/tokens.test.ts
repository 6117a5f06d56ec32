import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ensureFirstToken, readTokenFile } from '../../src/control/first-token.ts'
import { checkToken, listTokens } from '../../src/control/tokens.ts'
import { LoginThrottle } from '../../src/http/throttle.ts'
import { startTestApi, type TestApi } from './api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api.close())

describe('the token itself', () => {
  test('has prefix, kind, 256 random bits in base62 and a checksum', async () => {
    const tokens = await Promise.all(Array.from({ length: 50 }, () => api.makeToken()))
    expect(new Set(tokens).size).toBe(50)
    for (const token of tokens) {
      const [, body, checksum] = /^(tnt_api_[0-9A-Za-z]{43})_([0-9A-Za-z]{6})$/.exec(token) ?? []
      expect(base62(checksum ?? '')).toBe(crc32(body ?? ''))
    }
  })

  test('is stored as its SHA-256 only', async () => {
    const token = await api.makeToken({ name: 'stored' })
    const [row] = await api.app.control.query<{ sha256: Buffer; all: string }>(
      `select sha256, to_jsonb(token)::text as all from tenantry.api_tokens token where name = 'stored'`,
    )
    expect(row?.sha256).toEqual(createHash('sha256').update(token).digest())
    expect(row?.all).not.toContain(token.slice(8, 51))
    expect(row?.all).toContain(`tnt_api_…${token.slice(-4)}`)
  })

  test('its use is noted at most once a minute', async () => {
    const token = await api.makeToken({ name: 'used' })
    const used = async (): Promise<Date | null> => {
      const rows = await listTokens(api.app.control, { limit: 100 })
      return rows.find((row) => row.name === 'used')?.last_used_at ?? null
    }
    expect(await used()).toBeNull()
    await checkToken(api.app.control, token)
    const first = await used()
    await checkToken(api.app.control, token)
    expect(await used()).toEqual(first)
    await api.app.control.query(
      `update tenantry.api_tokens set last_used_at = last_used_at - interval '61 seconds' where name = 'used'`,
    )
    await checkToken(api.app.control, token)
    expect((await used())?.getTime()).toBeGreaterThanOrEqual(first?.getTime() ?? Infinity)
  })
})

function base62(text: string): number {
  const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  return Array.from(text).reduce((sum, character) => sum * 62 + alphabet.indexOf(character), 0)
}

describe('making and revoking', () => {
  test('a new token works with its scopes, is listed without itself, ends when revoked', async () => {
    const made = await api.ask('POST', '/tokens', {
      body: { name: 'ci', scopes: ['operations:read', 'operations:read'] },
    })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ name: 'ci', scopes: ['operations:read'], revoked_at: null })
    const days = (Date.parse(made.body.expires_at) - Date.parse(made.body.created_at)) / 86_400_000
    expect(Math.round(days)).toBe(365)
    expect((await api.ask('GET', '/operations', { token: made.body.token })).status).toBe(200)
    const list = await api.ask('GET', '/tokens')
    expect(list.text).not.toContain(made.body.token)
    expect(list.body.items[0]).toMatchObject({
      id: made.body.id,
      hint: `tnt_api_…${made.body.token.slice(-4)}`,
    })
    expect((await api.ask('DELETE', `/tokens/${made.body.id}`)).status).toBe(204)
    expect((await api.ask('GET', '/operations', { token: made.body.token })).status).toBe(401)
    expect((await api.ask('DELETE', `/tokens/${made.body.id}`)).status).toBe(204)
  })

  test('nobody gives scopes that they lack', async () => {
    const token = await api.makeToken({ scopes: ['tokens:admin', 'simulate'] })
    for (const scopes of [['admin'], ['simulate', 'rollouts:run']]) {
      const refused = await api.ask('POST', '/tokens', { token, body: { name: 'x', scopes } })
      expect([refused.status, refused.body.code]).toEqual([403, 'forbidden'])
    }
    expect(
      (await api.ask('POST', '/tokens', { token, body: { name: 'x', scopes: ['simulate'] } })).status,
    ).toBe(201)
  })

  test('one that is not there: 404', async () => {
    expect((await api.ask('DELETE', '/tokens/2000000000')).status).toBe(404)
  })
})

describe('guessing', () => {
  test('after twenty wrong tokens the address waits; a token that works goes on', async () => {
    const other = await startTestApi()
    try {
      expect((await other.ask('GET', '/operations')).status).toBe(200)
      const guess = await other.makeToken({ expiresAt: new Date(0) })
      const statuses = []
      for (let n = 0; n < 25; n++)
        statuses.push((await other.ask('GET', '/operations', { token: guess })).status)
      expect(statuses.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 401))
      expect(statuses.at(-1)).toBe(429)
      const refused = await other.ask('GET', '/operations', { token: await other.makeToken() })
      expect(refused.body).toMatchObject({ code: 'too_many_requests', retryable: true })
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
      expect((await other.ask('GET', '/operations')).status).toBe(200)
      expect((await other.ask('GET', '/livez', { token: undefined })).status).toBe(200)
    } finally {
      await other.close()
    }
  })

  test('failures are forgiven with time, per address, and a /64 counts as one', () => {
    let now = 0
    const throttle = new LoginThrottle({ burst: 3, perSecond: 0.5, addresses: 3 }, () => now)
    const failTimes = (address: string, times: number): void => {
      for (let n = 0; n < times; n++) throttle.failed(address)
    }
    failTimes('10.0.0.1', 2)
    expect(throttle.secondsToWait('10.0.0.1')).toBe(0)
    failTimes('10.0.0.1', 1)
    expect(throttle.secondsToWait('10.0.0.1')).toBe(2)
    expect(throttle.secondsToWait('10.0.0.2')).toBe(0)
    now += 2
    expect(throttle.secondsToWait('10.0.0.1')).toBe(0)
    failTimes('2001:db8:1:2::1', 5)
    expect(throttle.secondsToWait('2001:db8:1:2:ffff:1:2:3')).toBeGreaterThan(0)
    expect(throttle.secondsToWait('2001:db8:1:3::1')).toBe(0)
    failTimes('10.0.0.3', 5)
    failTimes('10.0.0.4', 5)
    failTimes('10.0.0.5', 5)
    expect(throttle.secondsToWait('2001:db8:1:2::1')).toBe(0)
    expect(throttle.secondsToWait('10.0.0.5')).toBeGreaterThan(0)
  })
})

describe('the first token', () => {
  let directory: string
  let file: string
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'first-token-'))
    file = join(directory, 'deep', 'token')
  })
  afterEach(() => rm(directory, { recursive: true }))

  async function works(): Promise<boolean> {
    return (await checkToken(api.app.control, (await readTokenFile(file)) ?? '')).ok
  }

  test('is made once, in a file for its owner only', async () => {
    expect(await ensureFirstToken(api.app.control, file)).toEqual({ made: true })
    const token = await readFile(file, 'utf8')
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600')
    expect(await works()).toBe(true)
    expect((await api.ask('GET', '/tokens', { token: token.trim() })).status).toBe(200)
    expect(await ensureFirstToken(api.app.control, file)).toEqual({ made: false })
    expect(await readFile(file, 'utf8')).toBe(token)
  })

  test('twenty starts at once make one', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => ensureFirstToken(api.app.control, file)))
    expect(made.filter((one) => one.made)).toHaveLength(1)
    expect(await works()).toBe(true)
    expect(await readdir(join(directory, 'deep'))).toEqual(['token'])
  })

  test('a lost file is made anew, and what was in it ends', async () => {
    await ensureFirstToken(api.app.control, file)
    const lost = (await readTokenFile(file)) ?? ''
    await rm(file)
    expect(await ensureFirstToken(api.app.control, file)).toEqual({ made: true })
    expect(await works()).toBe(true)
    expect(await checkToken(api.app.control, lost)).toEqual({ ok: false, reason: 'revoked' })
  })

  test.each([
    ['of another control database', `tnt_admin_${'0'.repeat(43)}_000000\n`],
    ['empty', ''],
    ['garbage', 'x\0y'],
  ])('a file that is %s is made anew', async (_what, content) => {
    await ensureFirstToken(api.app.control, file)
    await writeFile(file, content)
    expect(await ensureFirstToken(api.app.control, file)).toEqual({ made: true })
    expect(await works()).toBe(true)
  })

  test('a file that others can read is refused', async () => {
    await ensureFirstToken(api.app.control, file)
    await chmod(file, 0o644)
    await expect(ensureFirstToken(api.app.control, file)).rejects.toMatchObject({
      code: 'invalid_config',
      message: expect.stringContaining('can be read by others'),
    })
  })

  test('a place that cannot be written is refused with its reason, and no token is left behind', async () => {
    await writeFile(join(directory, 'plain'), '')
    const before = (await listTokens(api.app.control, { limit: 500 })).length
    await expect(ensureFirstToken(api.app.control, join(directory, 'plain', 'token'))).rejects.toMatchObject({
      code: 'invalid_config',
    })
    expect(await listTokens(api.app.control, { limit: 500 })).toHaveLength(before)
  })
})

/** TLS to a real server with a certificate of a made-up authority. */
import { chown, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { dsnOf, parseAddress, type ServerAddress } from '../../src/engine/address.ts'
import { DatabaseFailure } from '../../src/engine/failure.ts'
import { Session } from '../../src/engine/session.ts'
import { connectServer } from '../../src/registry/servers.ts'
import { postgres } from '../../src/schema/dialects/postgres/index.ts'
import { makeAuthority, makeCertificate, type Authority, type Certificate } from '../support/certificates.ts'
import { testDirectory } from '../support/directories.ts'
import { FAST_NOT_DURABLE } from '../support/global-setup.ts'
import { adminQuery, sharedServer } from '../support/postgres.ts'
import { startPrivateServer, type PrivateServer } from '../support/private-servers.ts'
import { withProgram } from '../support/programs.ts'
import { startTlsProxy } from '../support/tls-proxy.ts'
import { until } from '../support/wait.ts'

const ENCRYPTION = `select ssl::text, version from pg_catalog.pg_stat_ssl where pid = pg_backend_pid()`

withProgram('openssl').describe('a server with a certificate for localhost', () => {
  let server: PrivateServer
  let authority: Authority
  let stranger: Authority
  let strangers: Certificate

  beforeAll(async () => {
    const directory = await testDirectory('certificates')
    authority = makeAuthority(directory, 'authority')
    stranger = makeAuthority(directory, 'stranger')
    strangers = makeCertificate(directory, stranger, 'DNS:localhost')
    server = await startPrivateServer({ settings: FAST_NOT_DURABLE })
    await encrypt(server, makeCertificate(directory, authority, 'DNS:localhost'))
  })
  afterAll(() => server.remove())

  function address(ssl: ServerAddress['ssl'], wanted: Partial<ServerAddress> = {}): ServerAddress {
    const { port, user, password } = server
    const sslRootCert = ssl === 'require' ? undefined : authority.certificate
    return { host: 'localhost', port, user, password, database: 'postgres', ssl, sslRootCert, ...wanted }
  }

  test.each([
    ['require', 'require', 'localhost'],
    ['require, by address', 'require', '127.0.0.1'],
    ['verify-ca', 'verify-ca', 'localhost'],
    ['verify-ca, whatever the name', 'verify-ca', '127.0.0.1'],
    ['verify-full', 'verify-full', 'localhost'],
  ] as const)('%s: encrypted, logged in by SCRAM; by either driver', async (_name, ssl, host) => {
    const wanted = address(ssl, { host })
    const session = await Session.open(wanted)
    const [result] = await session.query(ENCRYPTION, { keepRows: true })
    expect(result?.rows).toEqual([['true', 'TLSv1.3']])
    session.close()
    const client = await connectServer(wanted)
    expect((await client.query(ENCRYPTION)).rows).toEqual([{ ssl: 'true', version: 'TLSv1.3' }])
    await client.end()
  })

  test('schemas are read with the authority of the registry, or of sslrootcert in a URL', async () => {
    const wanted = address('verify-full')
    const file = path.join(await testDirectory('authority'), 'ca.pem')
    await writeFile(file, authority.certificate)
    const url = dsnOf(wanted)
    for (const place of [wanted, `${url}&sslrootcert=${encodeURIComponent(file)}`]) {
      const session = await postgres.connect(place)
      expect(await session.query(ENCRYPTION)).toEqual([{ ssl: 'true', version: 'TLSv1.3' }])
      await session.close()
      const scratch = await postgres.scratch(place)
      expect(await scratch.session.query(ENCRYPTION)).toEqual([{ ssl: 'true', version: 'TLSv1.3' }])
      await scratch.close()
    }
    await expect(postgres.connect(url)).rejects.toThrow('give the one that signed it')
    await expect(postgres.connect(`${url}&sslrootcert=nowhere.pem`)).rejects.toThrow(
      /^The file of sslrootcert cannot be read: ENOENT/,
    )
  })

  test.each([
    ['verify-ca', 'the authority that is registered with the server'],
    ['verify-full', 'the authority that is registered with the server'],
    ['require', 'the authority that is registered with the server'],
  ] as const)('%s with another authority is refused, and why', async (ssl, why) => {
    const wanted = address(ssl, { sslRootCert: stranger.certificate })
    expect(await failureOf(wanted)).toMatchObject({
      sqlstate: '08001',
      message: expect.stringContaining(`its certificate does not come from ${why} (`) as string,
    })
    await expect(connectServer(wanted)).rejects.toThrow(/certificate/)
  })

  test('with no authority given, those that the machine trusts count', async () => {
    expect(await failureOf(address('verify-full', { sslRootCert: undefined }))).toMatchObject({
      message: expect.stringContaining(
        'its certificate does not come from an authority that this machine trusts: give the one that signed it (',
      ) as string,
    })
  })

  test('verify-full with another name is refused, and why', async () => {
    const wanted = address('verify-full', { host: '127.0.0.1' })
    expect(await failureOf(wanted)).toMatchObject({
      sqlstate: '08001',
      message: expect.stringMatching(
        /^Cannot connect to 127\.0\.0\.1:\d+: its certificate is for another host \(.*127\.0\.0\.1 is not in the cert.*\)\. Use the name in the certificate, or sslmode=verify-ca\.$/,
      ) as string,
    })
    await expect(connectServer(wanted)).rejects.toThrow(/altnames/)
  })

  test('somebody in between cannot pass a login on, though nobody checks the certificate', async () => {
    const proxy = await startTlsProxy(server, strangers)
    const refused = await failureOf(address('require', { host: proxy.host, port: proxy.port }))
    expect(refused).toMatchObject({ message: expect.stringContaining('channel binding') as string })
    expect(refused?.sqlstate).toMatch(/^28/)
    await proxy.stop()
  })

  test('what the URL asks for is understood', () => {
    for (const ssl of ['disable', 'require', 'verify-ca', 'verify-full'] as const) {
      expect(parseAddress(`postgres://u@h/d?sslmode=${ssl}`).ssl).toBe(ssl)
    }
    expect(() => parseAddress('postgres://u@h/d?sslmode=prefer')).toThrow(
      'Tenantry knows disable, require, verify-ca and verify-full',
    )
  })
})

test('a server without TLS is refused where TLS is asked for', async () => {
  const { host, port, user, password } = sharedServer()
  const wanted = { host, port, user, password, database: 'postgres', ssl: 'require' as const }
  expect(await failureOf(wanted)).toMatchObject({
    sqlstate: '08001',
    message: `${host}:${port} does not offer TLS, but sslmode asks for it.`,
  })
})

async function failureOf(wanted: ServerAddress): Promise<DatabaseFailure | undefined> {
  try {
    const session = await Session.open(wanted)
    session.close()
    return undefined
  } catch (error) {
    if (error instanceof DatabaseFailure) return error
    throw error
  }
}

/** Gives a running server a certificate. */
async function encrypt(server: PrivateServer, { certificate, key }: Certificate): Promise<void> {
  const { uid, gid } = await stat(server.dataDir)
  for (const [name, text] of Object.entries({ 'server.crt': certificate, 'server.key': key })) {
    const file = path.join(server.dataDir, name)
    await writeFile(file, text, { mode: 0o600 })
    await chown(file, uid, gid)
  }
  await adminQuery('alter system set ssl = on', 'postgres', server)
  await adminQuery('select pg_reload_conf()', 'postgres', server)
  await until(
    async () => {
      const [row] = await adminQuery<{ ssl: string }>('show ssl', 'postgres', server)
      return row?.ssl === 'on'
    },
    { what: 'the server to offer TLS' },
  )
}

/** TLS to a real MariaDB and a real MySQL with a certificate of a made-up authority; how passwords go without it. */
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { addressOf, addServer, getServer } from '../../src/registry/servers.ts'
import { lookAtMysql } from '../../src/registry/mysql-server.ts'
import { mysql } from '../../src/schema/dialects/mysql/index.ts'
import { tenantry } from '../cli/tenantry.ts'
import { startTestApi } from '../http/api.ts'
import { makeAuthority, makeCertificate, type Authority } from '../support/certificates.ts'
import { testDirectory } from '../support/directories.ts'
import { startMySql } from '../support/mysql.ts'
import { onBoth } from '../support/mysql-products.ts'
import type { MysqlServer } from '../support/mysql-server.ts'
import { withProgram } from '../support/programs.ts'

onBoth('with a certificate,', ({ start }) => {
  let server: MysqlServer
  let directory: string
  let authority: Authority
  let stranger: Authority

  beforeAll(async () => {
    directory = await testDirectory('certificates')
    authority = makeAuthority(directory, 'authority')
    stranger = makeAuthority(directory, 'stranger')
    for (const { name, certificate } of [authority, stranger]) {
      await writeFile(path.join(directory, `${name}.pem`), certificate)
    }
    server = await start(makeCertificate(directory, authority, 'DNS:localhost'))
    server.script(
      `CREATE USER guarded@'%' IDENTIFIED BY 'secret' REQUIRE SSL; GRANT ALL PRIVILEGES ON *.* TO guarded@'%';
       CREATE DATABASE shop; CREATE TABLE shop.item (id INT PRIMARY KEY);`,
    )
  }, 120_000)
  afterAll(() => server.remove())

  const url = (options: string, { host = 'localhost', database = 'shop' } = {}): string =>
    `mysql://guarded:secret@${host}:${server.port}/${database}?${options}`
  const file = (name: string): string => encodeURIComponent(path.join(directory, `${name}.pem`))

  async function cipherOf(place: string): Promise<unknown> {
    const session = await mysql.connect(place)
    const [row] = await session.query(`SHOW SESSION STATUS LIKE 'Ssl_version'`)
    await session.close()
    return Object.values(row ?? {})[1]
  }

  test.for<[string, string]>([
    ['sslmode=require', 'localhost'],
    ['sslmode=verify-ca&sslrootcert=authority', '127.0.0.1'],
    ['sslmode=verify-full&sslrootcert=authority', 'localhost'],
    ['sslmode=verify-full&ssl-ca=authority', 'localhost'],
    ['sslmode=require&sslrootcert=authority', 'localhost'],
  ])('%s, by %s: encrypted', async ([options, host]) => {
    expect(await cipherOf(url(options.replace('authority', file('authority')), { host }))).toBe('TLSv1.3')
  })

  test.for<[string, string, RegExp]>([
    [
      'sslmode=verify-full&sslrootcert=authority',
      '127.0.0.1',
      /verify-full needs a name to compare the certificate with; 127\.0\.0\.1 is none/,
    ],
    [
      'sslmode=verify-ca&sslrootcert=stranger',
      'localhost',
      /does not come from the authority that is registered/,
    ],
    [
      'sslmode=require&sslrootcert=stranger',
      'localhost',
      /does not come from the authority that is registered/,
    ],
    [
      'sslmode=verify-ca',
      'localhost',
      /does not come from an authority that this machine trusts: give the one/,
    ],
    ['sslmode=disable', 'localhost', /Access denied/],
    ['sslmode=verify-ca&sslrootcert=nowhere', 'localhost', /The file of sslrootcert cannot be read: ENOENT/],
  ])('%s, by %s: refused, and why', async ([options, host, why]) => {
    const given = options.replace(/(?<=sslrootcert=)(\w+)/, (name) => file(name))
    await expect(mysql.connect(url(given, { host }))).rejects.toThrow(why)
  })

  test('a server is registered with its authority, and read and searched with it', async () => {
    const api = await startTestApi()
    try {
      const { control, keyring } = api.app
      const dsn = url('sslmode=verify-full', { database: '' })
      await expect(addServer(control, keyring, { name: 'maria', dsn })).rejects.toThrow(
        /give the one that signed it/,
      )
      await addServer(control, keyring, { name: 'maria', dsn, sslRootCert: authority.certificate })
      const address = await addressOf(control, keyring, await getServer(control, 'maria'))
      expect(await lookAtMysql(address)).toBeUndefined()
      const session = await mysql.connect({ ...address, database: 'shop' })
      expect((await mysql.inspect(session)).objects.map(({ kind }) => kind)).toContain('table')
      await session.close()
      const scratch = await mysql.scratch(address)
      await scratch.close()
    } finally {
      await api.close()
    }
  })

  test('schema diff takes the authority from the URL', async () => {
    await writeFile(path.join(directory, 'wanted.sql'), 'CREATE TABLE item (id INT PRIMARY KEY, size INT);')
    const from = url(`sslmode=verify-full&sslrootcert=${file('authority')}`)
    const found = await tenantry(['schema', 'diff', from, 'wanted.sql', '--exit-code'], { cwd: directory })
    expect(found).toMatchObject({ code: 6, stdout: expect.stringContaining('size') as unknown })
    const blind = await tenantry(['schema', 'diff', url('sslmode=verify-full'), 'wanted.sql'], {
      cwd: directory,
    })
    expect(blind.code).not.toBe(0)
    expect(blind.stderr).toContain('give the one that signed it')
  })
  test('verify-full with a certificate for another name is refused, verify-ca is not', async () => {
    await server.certify(makeCertificate(directory, authority, 'DNS:db.internal'))
    const options = `sslrootcert=${file('authority')}&sslmode`
    expect(await cipherOf(url(`${options}=verify-ca`))).toBe('TLSv1.3')
    await expect(mysql.connect(url(`${options}=verify-full`))).rejects.toThrow(
      /its certificate is for another host \(.*db\.internal.*\)\. Use the name in the certificate, or sslmode=verify-ca/,
    )
  })
})

withProgram('mysqld', 'mysql', 'openssl').test(
  'a password of MySQL that the server has not seen yet: by a socket, with TLS, and without',
  async () => {
    const directory = await testDirectory('certificates')
    const authority = makeAuthority(directory, 'authority')
    const server = await startMySql({ certificate: makeCertificate(directory, authority, 'DNS:localhost') })
    onTestFinished(server.remove)
    server.script(
      `CREATE USER fresh@'%' IDENTIFIED WITH caching_sha2_password BY 'sécret';
       GRANT ALL PRIVILEGES ON *.* TO fresh@'%'; CREATE DATABASE shop;`,
    )
    const password = encodeURIComponent('sécret')
    const ways = [
      `mysql://fresh:${password}@localhost/shop?socket=${encodeURIComponent(server.socket)}`,
      `mysql://fresh:${password}@127.0.0.1:${server.port}/shop?sslmode=require`,
      // Encrypted with a key that the server shows.
      `mysql://fresh:${password}@127.0.0.1:${server.port}/shop?sslmode=disable`,
    ]
    for (const way of ways) {
      // Twice: what the server has seen once it knows by its hash.
      server.script('FLUSH PRIVILEGES')
      for (const time of ['first', 'second']) {
        const session = await mysql.connect(way)
        const [row] = await session.query('SELECT CURRENT_USER() AS me')
        await session.close()
        expect([way, time, row?.['me']]).toEqual([way, time, 'fresh@%'])
      }
      await expect(mysql.connect(way.replace(password, 'wrong'))).rejects.toMatchObject({
        code: 'server_refused',
        facts: { sqlstate: '28000' },
      })
    }
  },
)

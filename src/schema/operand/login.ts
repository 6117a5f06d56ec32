/** Who logs in and with which password, where a URL leaves it out: as psql and mariadb find it. */
import { readFile, stat } from 'node:fs/promises'
import { loginEnvironment } from '../../config.ts'

/** Where Debian and most others have the sockets of PostgreSQL. */
const SOCKETS = '/var/run/postgresql'

/** The URL with the user and password that the environment or the password file have for it. */
export async function withLogin(url: string): Promise<string> {
  if (/^(?:mysql|mariadb):/i.test(url)) return withMysqlPassword(url)
  if (!/^postgres(?:ql)?:/i.test(url) || !URL.canParse(url)) return url
  const given = new URL(url)
  const { user } = loginEnvironment()
  // On a Unix socket, where nothing else is said.
  if (given.host === '' && !given.searchParams.has('host')) given.searchParams.set('host', SOCKETS)
  const name = decodeURIComponent(given.username) || (given.searchParams.get('user') ?? user)
  const database = decodeURIComponent(given.pathname.slice(1)) || name
  const password = decodeURIComponent(given.password) || (await knownPassword(given, database, name))
  // The class URL gives no user to a URL without a host.
  const login = [name, ...(password === undefined ? [] : [password])].map(encodeURIComponent).join(':')
  const place = given.host === '' ? 'localhost' : given.host
  return `postgres://${login}@${place}/${encodeURIComponent(database)}${given.search}`
}

function knownPassword(url: URL, database: string, user: string): Promise<string | undefined> {
  const { postgresPassword, passwordFile } = loginEnvironment()
  if (postgresPassword !== undefined) return Promise.resolve(postgresPassword)
  const host = url.searchParams.get('host') ?? url.hostname
  const port = url.port || (url.searchParams.get('port') ?? '5432')
  return filedPassword(passwordFile, [host, port, database, user])
}

function withMysqlPassword(url: string): string {
  const { mysqlPassword } = loginEnvironment()
  if (mysqlPassword === undefined || !URL.canParse(url)) return url
  const given = new URL(url)
  if (given.password !== '') return url
  given.password = encodeURIComponent(mysqlPassword)
  return given.href
}

/** From a file such as ~/.pgpass; one that others can read counts for nothing, as with psql. */
async function filedPassword(file: string, facts: readonly string[]): Promise<string | undefined> {
  const there = await stat(file).catch(absent)
  if (there === undefined || !there.isFile() || (there.mode & 0o077) !== 0) return undefined
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    if (line.startsWith('#')) continue
    const fields = line.split(/(?<!\\):/).map((field) => field.replaceAll(/\\([:\\])/g, '$1'))
    const [password] = fields.splice(4)
    const [host] = facts
    const matches = facts.every((fact, index) => {
      const wanted = fields[index]
      return (
        wanted === '*' || wanted === fact || (index === 0 && wanted === 'localhost' && host?.startsWith('/'))
      )
    })
    if (matches && password !== undefined) return password
  }
  return undefined
}

function absent(thrown: NodeJS.ErrnoException): undefined {
  if (thrown.code === 'ENOENT' || thrown.code === 'EACCES' || thrown.code === 'ENOTDIR') return undefined
  throw thrown
}

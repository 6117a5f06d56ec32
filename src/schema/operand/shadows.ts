/**
 * Empty databases to load SQL into: on a server of our own that lives as long as they do (PostgreSQL), on a server
 * that was named, or in a file (SQLite).
 */
import type { ShadowServer } from '../../engine/embedded-shadow.ts'
import { ident } from '../../engine/sql.ts'
import { TenantryError } from '../../lib/errors.ts'
import type { Dialect, Scratch } from '../dialects/dialect.ts'

export interface ShadowOptions {
  /** Server on which to make databases, for all dialects but SQLite; PostgreSQL does without. */
  readonly scratchUrl?: string | undefined
  /** Where the data directory is kept that servers of our own are copies of. */
  readonly cacheDir: string
}

export interface Shadow extends Scratch {
  /** Ours alone: roles may be made in it. */
  readonly isOwnServer: boolean
}

export class Shadows {
  readonly #options: ShadowOptions
  #server: Promise<ShadowServer> | undefined
  #used = 0
  readonly #open: Scratch[] = []

  constructor(options: ShadowOptions) {
    this.#options = options
  }

  /**
   * An empty database; closed with all others.
   * @param besideUrl a server to use when none was named and we have none of our own
   * @throws TenantryError `invalid_input` when there is no server for it
   */
  async empty(dialect: Dialect, besideUrl: string | undefined): Promise<Shadow> {
    const { scratchUrl } = this.#options
    if (dialect.name === 'postgres' && scratchUrl === undefined) return this.#ownDatabase(dialect)
    const url = dialect.name === 'sqlite' ? '' : (scratchUrl ?? besideUrl)
    if (url === undefined) {
      throw new TenantryError('invalid_input', `SQL for ${dialect.name} needs a server to be loaded into.`, {
        nextSteps: [
          'Name one that may hold a database for a moment: --scratch mysql://user@host:3306/',
          'Or compare with a database: its server is used then.',
        ],
      })
    }
    const scratch = await dialect.scratch(url)
    this.#open.push(scratch)
    return { ...scratch, isOwnServer: false }
  }

  async close(): Promise<void> {
    for (const scratch of this.#open.splice(0)) await scratch.close()
    await (await this.#server)?.close()
  }

  async #ownDatabase(dialect: Dialect): Promise<Shadow> {
    this.#server ??= import('../../engine/embedded-shadow.ts').then(({ startShadow }) =>
      startShadow(this.#options.cacheDir),
    )
    const server = await this.#server
    const number = this.#used++
    const name = server.databases[number] ?? `shadow_${number}`
    if (server.databases[number] === undefined) await makeDatabase(dialect, server, name)
    const url = urlOf(server, name)
    const session = await dialect.connect(url)
    const close = (): Promise<void> => session.close()
    this.#open.push({ url, session, close })
    return { url, session, close, isOwnServer: true }
  }
}

async function makeDatabase(dialect: Dialect, server: ShadowServer, name: string): Promise<void> {
  const session = await dialect.connect(urlOf(server, server.databases[0] ?? 'postgres'))
  try {
    await session.query(`create database ${ident(name)} template template0`)
  } finally {
    await session.close()
  }
}

function urlOf(server: ShadowServer, database: string): string {
  const url = new URL(`postgres://${server.user}@localhost:${server.port}/${database}`)
  url.searchParams.set('host', server.socketDir)
  return url.href
}

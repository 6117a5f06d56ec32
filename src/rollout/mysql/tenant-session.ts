/** A connection to one tenant that holds its lock, and beside it a clean one that looks at its schema. */
import { createHash } from 'node:crypto'
import { mysqlAddressOf, type ServerAddress } from '../../engine/address.ts'
import { DatabaseFailure } from '../../engine/failure.ts'
import { MysqlConnection, type MysqlRow } from '../../engine/mysql-connection.ts'
import { mysqlLiteral } from '../../engine/mysql-sql.ts'
import { TenantryError } from '../../lib/errors.ts'
import { ownVersion } from '../../lib/own-version.ts'
import type { Scratch } from '../../schema/dialects/dialect.ts'
import { mysql } from '../../schema/dialects/mysql/index.ts'
import { TENANT_LOCK } from '../../schema/dialects/mysql/lock.ts'
import { scratchOn } from '../../schema/dialects/mysql/scratch.ts'
import { sessionOn, type MysqlSession } from '../../schema/dialects/mysql/session.ts'
import type { Snapshot } from '../../schema/snapshot/snapshot.ts'
import { busy } from '../failures.ts'

export interface TenantPlace {
  readonly address: ServerAddress
  readonly database: string
  readonly rolloutId: string
  readonly timeouts: { readonly lockTimeoutMs: number; readonly statementTimeoutMs: number }
}

/** What the schema engine says in words of its own, as the failure that it is. */
function asDatabaseFailure(error: unknown): unknown {
  if (!(error instanceof TenantryError)) return error
  if (error.cause instanceof DatabaseFailure) return error.cause
  // Somebody changes the schema while it is read.
  return error.facts.retryable === true
    ? new DatabaseFailure('40001', error.message, { cause: error })
    : error
}

/** A worker that froze gives the tenant's lock back after so many seconds between two statements. */
const IDLE_S = 60

export class TenantSession {
  readonly database: string
  readonly #place: TenantPlace
  readonly #connection: MysqlConnection
  #look: MysqlSession | undefined

  private constructor(place: TenantPlace, connection: MysqlConnection) {
    this.database = place.database
    this.#place = place
    this.#connection = connection
  }

  /**
   * Connects and takes the tenant's lock.
   * @throws DatabaseFailure; TN003 while somebody else holds the lock
   */
  static async open(place: TenantPlace): Promise<TenantSession> {
    const address = mysqlAddressOf(place.address, place.database)
    // What a version holds is cut by us: a server that would cut it once more could see other statements.
    const session = new TenantSession(
      place,
      await MysqlConnection.open(address, { multipleStatements: false }),
    )
    try {
      for (const setting of mysql.settings(place.timeouts)) await session.query(setting)
      await session.query(`SET SESSION wait_timeout = ${IDLE_S}`)
      await session.#lock()
      return session
    } catch (error) {
      session.#connection.destroy()
      throw error
    }
  }

  /** Runs one statement. @returns its rows. @throws DatabaseFailure */
  async query(sql: string): Promise<readonly MysqlRow[]> {
    return (await this.#connection.query(sql)).findLast((rows) => rows.length > 0) ?? []
  }

  /**
   * Stands for the whole schema. Read over a connection of its own, as a version may have set how this one shows it.
   * @throws DatabaseFailure
   */
  async fingerprint(): Promise<string> {
    try {
      return await mysql.catalogueFingerprint(await this.#looking())
    } catch (error) {
      throw asDatabaseFailure(error)
    }
  }

  /**
   * Works with an empty database on the same server and the tenant's schema.
   * @throws TenantryError when there can be none
   */
  async onCopy(work: (scratch: Scratch, snapshot: Snapshot) => Promise<void>): Promise<void> {
    const snapshot = await mysql.inspect(await this.#looking())
    const scratch = await scratchOn(mysqlAddressOf(this.#place.address, ''))
    try {
      await work(scratch, snapshot)
    } finally {
      await scratch.close()
    }
  }

  /** Gives the lock back before it says goodbye: whoever comes next need not wait for the server to notice. */
  async close(): Promise<void> {
    try {
      await this.query(`SELECT RELEASE_LOCK(${this.#rolloutLock}), RELEASE_LOCK(${TENANT_LOCK})`)
    } catch (error) {
      // A connection that is lost has given its locks back.
      if (!(error instanceof DatabaseFailure)) throw error
    }
    await Promise.all([this.#connection.close(), this.#look?.close()])
  }

  /**
   * The same with what it is comparable within: a server or a Tenantry that was upgraded since may show the same schema
   * in other words.
   */
  async schemaMark(): Promise<string> {
    const [row] = await this.query('SELECT VERSION() AS version')
    return `${ownVersion()} ${String(row?.['version']).slice(0, 60)} ${await this.fingerprint()}`
  }

  async #looking(): Promise<MysqlSession> {
    if (this.#look !== undefined) return this.#look
    this.#look = await sessionOn(mysqlAddressOf(this.#place.address, this.database))
    for (const setting of mysql.settings(this.#place.timeouts)) await this.#look.query(setting)
    return this.#look
  }

  /** Held beside the tenant's lock: tells which rollout holds that. */
  get #rolloutLock(): string {
    const { rolloutId, database } = this.#place
    const name = createHash('sha256').update(`${rolloutId}\0${database}`).digest('hex').slice(0, 32)
    return mysqlLiteral(`tenantry:${name}`)
  }

  async #lock(): Promise<void> {
    const own = this.#rolloutLock
    const [row] = await this.query(
      `SELECT IF(GET_LOCK(${TENANT_LOCK}, 0) = 1, GET_LOCK(${own}, 0), 0) AS held`,
    )
    if (Number(row?.['held']) === 1) return
    await this.#endFormerHolder()
    throw busy()
  }

  /**
   * A target is in one worker's hand at a time. Whoever of this same rollout still holds its lock has lost its lease.
   * A statement that it left running is waited for, since what it has done would only be undone as slowly; between two
   * statements it froze, and would go on from where others have gone on meanwhile.
   */
  async #endFormerHolder(): Promise<void> {
    const [holder] = await this.query(
      `SELECT id AS id FROM information_schema.processlist
       WHERE id = IS_USED_LOCK(${TENANT_LOCK}) AND id = IS_USED_LOCK(${this.#rolloutLock}) AND command = 'Sleep'`,
    )
    if (holder === undefined) return
    try {
      await this.query(`KILL ${Number(holder['id'])}`)
    } catch (error) {
      // No such thread: it has ended by itself.
      if (!(error instanceof DatabaseFailure)) throw error
    }
  }
}

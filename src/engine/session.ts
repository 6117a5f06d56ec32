/**
 * One connection to one database, for work that opens a connection per tenant: connect, send, read, close.
 *
 * `pg` is the driver everywhere else. Here the cost of connecting decides how many tenants a second a rollout
 * reaches, so the session drives `pg-protocol` (the wire format of `pg`) itself: derived SCRAM keys are kept, a
 * message of several statements costs one write and one round trip, and the number of statements that completed
 * before an error is known (docs/decisions/0002-own-session.md).
 */
import { connect as connectSocket, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { parse, serialize, type DatabaseError } from 'pg-protocol'
import type { BackendMessage } from 'pg-protocol/dist/messages.js'
import type { ServerAddress } from './address.ts'
import { answerAuthentication, beginScram, refusedLogin } from './authentication.ts'
import { CANNOT_CONNECT, CONNECTION_LOST, DatabaseFailure } from './failure.ts'
import type { ScramExchange } from './scram.ts'
import { certificateProblem, tlsOptions } from './tls.ts'

export interface SessionOptions {
  /** Database to connect to; the address's maintenance database when absent. */
  readonly database?: string
  /** Server settings for the startup packet; leave out for an address that is a pooler. */
  readonly settings?: Readonly<Record<string, string>>
  readonly applicationName?: string
  /** Milliseconds until the server must be ready for a query. */
  readonly connectTimeoutMs?: number
  /** Milliseconds within which every message must be answered, else the connection is dropped; default: no limit. */
  readonly silenceMs?: number
}

export interface QueryResult {
  /** The server's tag, e.g. `INSERT 0 1`. */
  readonly command: string
  /** Rows as text values, kept only when asked for. */
  readonly rows: readonly (readonly (string | null)[])[]
  /** Names of the columns, when rows were kept and the statement gives any. */
  readonly columns?: readonly string[]
  /** Oids of the columns' types, likewise. */
  readonly types?: readonly number[]
}

/** `all`: however many there are; otherwise an answer of very many rows is a failure. */
type KeepRows = boolean | 'all'

const DEFAULT_CONNECT_TIMEOUT_MS = 10_000
const KEEP_ALIVE_MS = 15_000
/** An answer of more rows is a failure, unless all were asked for: Tenantry's own queries stay far below. */
const MAX_ROWS_KEPT = 10_000

interface Column {
  readonly name: string
  readonly dataTypeID: number
}

interface Pending {
  readonly keepRows: KeepRows
  readonly results: QueryResult[]
  rows: (string | null)[][]
  columns: readonly Column[] | undefined
  failure: DatabaseFailure | undefined
  readonly resolve: (results: QueryResult[]) => void
  readonly reject: (failure: DatabaseFailure) => void
}

export class Session {
  /** The server's process that serves this connection; 0 behind some poolers. */
  backendPid = 0
  readonly #socket: Socket
  readonly #database: string
  readonly #silenceMs: number | undefined
  readonly #pending: Pending[] = []
  #waitingSince = 0
  #lost: DatabaseFailure | undefined
  #closing = false

  private constructor(socket: Socket, database: string, silenceMs?: number) {
    this.#socket = socket
    this.#database = database
    this.#silenceMs = silenceMs
  }

  /**
   * Connects and logs in.
   * @throws DatabaseFailure with the server's SQLSTATE, or 08001 when nothing answered in time.
   */
  static async open(address: ServerAddress, options: SessionOptions = {}): Promise<Session> {
    if (address.kind !== undefined) {
      throw new DatabaseFailure(
        '0A000',
        `${address.host} is of the kind ${address.kind}, no PostgreSQL server.`,
      )
    }
    const database = options.database ?? address.database
    const timeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS
    const deadline = new Deadline(timeoutMs, () => timedOut(address, timeoutMs))
    try {
      const session = new Session(await openSocket(address, deadline), database, options.silenceMs)
      await session.#logIn(address, options, deadline)
      return session
    } finally {
      deadline.clear()
    }
  }

  /** False once it was closed or lost. */
  get usable(): boolean {
    return !this.#closing && this.#lost === undefined
  }

  /** Since when the oldest message is unanswered, on the clock of performance.now(). */
  get waitingSince(): number | undefined {
    return this.#pending.length === 0 ? undefined : this.#waitingSince
  }

  /**
   * Sends one message of one or more statements and reads all their results. Without explicit transaction
   * statements the whole message is one transaction. Further messages may be sent before the first is answered.
   * @throws DatabaseFailure; `facts.completed` counts the statements that finished before the failing one.
   */
  query(sql: string, options: { keepRows?: KeepRows } = {}): Promise<QueryResult[]> {
    return this.#send(serialize.query(sql), options.keepRows ?? false)
  }

  /** As `query`, with the goodbye in the same packet: no further message can be sent. */
  queryLast(sql: string): Promise<QueryResult[]> {
    const sent = this.#send(Buffer.concat([serialize.query(sql), serialize.end()]), false)
    this.#closing = true
    return sent
  }

  #send(message: Buffer, keepRows: KeepRows): Promise<QueryResult[]> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    if (this.#closing) return Promise.reject(new DatabaseFailure(CONNECTION_LOST, 'The session is closed.'))
    const { promise, resolve, reject } = Promise.withResolvers<QueryResult[]>()
    if (this.#pending.length === 0) this.#waitingSince = performance.now()
    if (this.#silenceMs !== undefined) this.#limitSilence(promise, this.#silenceMs)
    this.#pending.push({
      keepRows,
      results: [],
      rows: [],
      columns: undefined,
      failure: undefined,
      resolve,
      reject,
    })
    this.#socket.write(message)
    return promise
  }

  #limitSilence(answer: Promise<unknown>, ms: number): void {
    const timer = setTimeout(() => this.destroy(), ms)
    const clear = (): void => clearTimeout(timer)
    answer.then(clear, clear)
  }

  /** Says goodbye and lets the server end its process; never throws. */
  close(): void {
    if (this.#closing || this.#socket.destroyed) return
    this.#closing = true
    this.#socket.end(serialize.end())
  }

  /** Drops the connection at once: open queries fail with 08006. */
  destroy(): void {
    this.#socket.destroy(new Error('the connection was dropped by Tenantry'))
  }

  #logIn(address: ServerAddress, options: SessionOptions, deadline: Deadline): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let ready = false
    let scram: ScramExchange | undefined
    const fail = (failure: DatabaseFailure): void => {
      this.#lost ??= failure
      if (!ready) reject(failure)
      for (const pending of this.#pending.splice(0)) pending.reject(pending.failure ?? failure)
    }
    deadline.onExpiry((failure) => this.#socket.destroy(failure))
    this.#socket.on('error', (error) => fail(asConnectionFailure(error, address, ready)))
    this.#socket.on('close', () => {
      // The ordinary end of a session is no failure: an error with its stack costs more than a message.
      if (ready && this.#closing && this.#pending.length === 0) return
      fail(this.#lost ?? new DatabaseFailure(CONNECTION_LOST, lostMessage(address)))
    })
    const onLogin = (message: BackendMessage): void => {
      switch (message.name) {
        case 'backendKeyData':
          this.backendPid = (message as unknown as { processID: number }).processID
          break
        case 'error':
          fail(loginFailure(failureOf(message as unknown as DatabaseError, 0)))
          this.#socket.destroy()
          break
        case 'readyForQuery':
          ready = true
          resolve()
          break
        default:
          if (message.name === 'authenticationSASL') scram = beginScram(message, this.#socket)
          answerAuthentication(message, this.#socket, address, scram).catch((error: unknown) => {
            fail(error instanceof DatabaseFailure ? error : refusedLogin(error, address))
            this.#socket.destroy()
          })
      }
    }
    void parse(this.#socket, (message) => {
      if (ready) this.#onMessage(message)
      else onLogin(message)
    })
    this.#socket.write(serialize.startup(startupParameters(address, options, this.#database)))
    return promise
  }

  #onMessage(message: BackendMessage): void {
    const pending = this.#pending[0]
    switch (message.name) {
      case 'dataRow':
      case 'rowDescription':
        if (pending !== undefined && pending.keepRows !== false) keepRow(pending, message)
        break
      case 'commandComplete':
        if (pending !== undefined) finishStatement(pending, (message as unknown as { text: string }).text)
        break
      case 'error':
        this.#onError(failureOf(message as unknown as DatabaseError, pending?.results.length ?? 0))
        break
      case 'copyInResponse':
        this.#socket.write(serialize.copyFail('Tenantry sends no COPY data'))
        break
      case 'readyForQuery':
        this.#pending.shift()
        if (this.#pending.length > 0) this.#waitingSince = performance.now()
        if (pending?.failure === undefined) pending?.resolve(pending.results)
        else pending.reject(pending.failure)
        break
      default:
    }
  }

  #onError(failure: DatabaseFailure): void {
    const pending = this.#pending[0]
    if (pending === undefined) this.#lost ??= failure
    else pending.failure ??= failure
    // After these the server closes the connection without another ReadyForQuery.
    if (/^(57P0[1-5]|08|25P0[345])/.test(failure.sqlstate)) this.#lost ??= failure
  }
}

function keepRow(pending: Pending, message: BackendMessage): void {
  if (message.name === 'rowDescription') {
    pending.columns = (message as unknown as { fields: Column[] }).fields
  } else if (pending.keepRows === 'all' || pending.rows.length < MAX_ROWS_KEPT) {
    pending.rows.push((message as unknown as { fields: (string | null)[] }).fields)
  } else {
    pending.failure ??= new DatabaseFailure('54000', `The answer has more than ${MAX_ROWS_KEPT} rows.`)
  }
}

function finishStatement(pending: Pending, command: string): void {
  const { rows, columns } = pending
  const result = { command, rows }
  pending.results.push(
    columns === undefined
      ? result
      : {
          ...result,
          columns: columns.map(({ name }) => name),
          types: columns.map(({ dataTypeID }) => dataTypeID),
        },
  )
  pending.rows = []
  pending.columns = undefined
}

function startupParameters(
  address: ServerAddress,
  options: SessionOptions,
  database: string,
): Record<string, string> {
  return {
    user: address.user,
    database,
    application_name: options.applicationName ?? 'tenantry',
    ...options.settings,
  }
}

/** The time by which a server must be ready: one timer for the whole login, whatever it waits for. */
class Deadline {
  readonly #timer: NodeJS.Timeout
  #expired: ((failure: DatabaseFailure) => void) | undefined

  constructor(timeoutMs: number, failure: () => DatabaseFailure) {
    this.#timer = setTimeout(() => this.#expired?.(failure()), timeoutMs)
  }

  /** What happens at expiry; the last one given counts. */
  onExpiry(expired: (failure: DatabaseFailure) => void): void {
    this.#expired = expired
  }

  clear(): void {
    clearTimeout(this.#timer)
  }
}

async function openSocket(address: ServerAddress, deadline: Deadline): Promise<Socket> {
  const socket = address.host.startsWith('/')
    ? connectSocket(`${address.host}/.s.PGSQL.${address.port}`)
    : connectSocket({ host: address.host, port: address.port, noDelay: true })
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  await eventOf(socket, 'connect', address, deadline)
  if (address.ssl === 'disable') return socket
  socket.write(serialize.requestSsl())
  const answer = await eventOf<Buffer>(socket, 'data', address, deadline)
  if (answer.length !== 1 || answer[0] !== 'S'.charCodeAt(0)) {
    socket.destroy()
    throw new DatabaseFailure(
      CANNOT_CONNECT,
      `${address.host}:${address.port} does not offer TLS, but sslmode asks for it.`,
    )
  }
  const secure = connectTls({ ...tlsOptions(address), socket })
  await eventOf(secure, 'secureConnect', address, deadline)
  return secure
}

function eventOf<T>(socket: Socket, event: string, address: ServerAddress, deadline: Deadline): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const done = (settle: () => void): void => {
    socket.off(event, onEvent).off('error', onError).off('close', onClose)
    settle()
  }
  const onEvent = (value: T): void => done(() => resolve(value))
  const onError = (error: Error): void => done(() => reject(asConnectionFailure(error, address, false)))
  const onClose = (): void => onError(new Error('the connection was closed'))
  socket.once(event, onEvent).once('error', onError).once('close', onClose)
  deadline.onExpiry((failure) => {
    done(() => reject(failure))
    socket.on('error', () => undefined).destroy()
  })
  return promise
}

function failureOf(error: DatabaseError, completed: number): DatabaseFailure {
  return new DatabaseFailure(error.code ?? CONNECTION_LOST, error.message, {
    detail: error.detail,
    hint: error.hint,
    where: error.where,
    schema: error.schema,
    table: error.table,
    constraint: error.constraint,
    position: error.position === undefined ? undefined : Number(error.position),
    completed,
  })
}

/** PgBouncer answers a wrong password, or a role that it does not know, as a violation of the protocol. */
function loginFailure(failure: DatabaseFailure): DatabaseFailure {
  return failure.sqlstate === '08P01' && /authentication failed|no such user/.test(failure.message)
    ? new DatabaseFailure('28P01', failure.message, failure.facts)
    : failure
}

function asConnectionFailure(error: Error, address: ServerAddress, ready: boolean): DatabaseFailure {
  if (error instanceof DatabaseFailure) return error
  if (ready)
    return new DatabaseFailure(CONNECTION_LOST, `${lostMessage(address)} (${error.message})`, {
      cause: error,
    })
  const problem = certificateProblem(error, address) ?? error.message
  return new DatabaseFailure(
    CANNOT_CONNECT,
    `Cannot connect to ${address.host}:${address.port}: ${problem}`,
    { cause: error },
  )
}

function timedOut(address: ServerAddress, timeoutMs: number): DatabaseFailure {
  return new DatabaseFailure(
    CANNOT_CONNECT,
    `${address.host}:${address.port} was not ready for a query within ${timeoutMs / 1000} s.`,
  )
}

function lostMessage(address: ServerAddress): string {
  return `The connection to ${address.host}:${address.port} was lost before the server answered.`
}

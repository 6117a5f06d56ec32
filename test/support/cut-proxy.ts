/** A TCP proxy between two real programs that can cut, stall or refuse what goes through it. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface CutProxy {
  readonly host: '127.0.0.1'
  readonly port: number
  /** How many connections go through it now. */
  readonly open: () => number
  /** Resets all connections that are open; new ones get through. @returns how many it cut. */
  readonly cut: () => number
  /**
   * Lets the next message with this text through and cuts the connection when its answer is complete (inside a
   * transaction: that of the commit), in place of passing the answer on.
   * @param answer only if the answer has this text.
   * @returns a promise of that moment.
   */
  readonly loseAnswerTo: (text: string, answer?: string) => Promise<void>
  /**
   * Holds back the end of the next login until the server has ended the connection, and passes it on together with
   * the server's last words: one piece of bytes, as it happens when a server stops at that very moment.
   */
  readonly holdNextLogin: () => void
  /** Swallows everything in both directions, as a network without a route does, until `heal`. */
  readonly stall: () => void
  /** Cuts what is open and resets every new connection, until `heal`. */
  readonly refuse: () => void
  /** New connections get through again. Those that were stalled stay dead: their bytes are gone. */
  readonly heal: () => void
  readonly stop: () => Promise<void>
}

interface Pair {
  readonly near: Socket
  readonly far: Socket
  stalled: boolean
  /** The answer to come must not arrive. */
  loses: boolean
  /** What is held back until the server ends the connection. */
  held: Buffer[] | undefined
}

/** PostgreSQL's ReadyForQuery outside a transaction: the end of an answer, after the commit. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49])

export async function startCutProxy(target: { host: string; port: number }): Promise<CutProxy> {
  const pairs = new Set<Pair>()
  let doomed: { readonly text: string; readonly answer: string; readonly lost: () => void } | undefined
  let holdsLogin = false
  let mode: 'through' | 'stall' | 'refuse' = 'through'
  const server = createServer((near) => {
    if (mode === 'refuse') {
      near.on('error', ignore).resetAndDestroy()
      return
    }
    const far = connect({ host: target.host, port: target.port, noDelay: true })
    const pair: Pair = {
      near: near.setNoDelay(true),
      far,
      stalled: mode === 'stall',
      loses: false,
      held: undefined,
    }
    pairs.add(pair)
    near.on('data', (bytes) => {
      if (doomed !== undefined && bytes.includes(doomed.text)) {
        pair.loses = true
      }
    })
    join(pair, near, far)
    join(pair, far, near, (bytes) => {
      if (pair.held !== undefined || (holdsLogin && endsWithReady(bytes))) {
        holdsLogin = false
        pair.held = [...(pair.held ?? []), bytes]
        return false
      }
      if (!pair.loses || !endsWithReady(bytes)) return true
      pair.loses = false
      if (doomed === undefined || !bytes.includes(doomed.answer)) return true
      near.resetAndDestroy()
      far.resetAndDestroy()
      doomed.lost()
      doomed = undefined
      return false
    })
    const end = (): void => {
      pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    far.on('end', () => pair.held !== undefined && near.end(Buffer.concat(pair.held)))
    near.on('error', ignore).on('close', end)
    // A stalled network brings no news of the other side's end either.
    far.on('error', ignore).on('close', () => {
      if (!pair.stalled && pair.held === undefined) end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): number => {
    const open = [...pairs]
    for (const { near, far } of open) {
      near.resetAndDestroy()
      far.resetAndDestroy()
    }
    return open.length
  }
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    open: () => pairs.size,
    cut,
    loseAnswerTo: (text, answer = '') => {
      const { promise, resolve } = Promise.withResolvers<void>()
      doomed = { text, answer, lost: resolve }
      return promise
    },
    holdNextLogin: () => {
      holdsLogin = true
    },
    stall: () => {
      mode = 'stall'
      for (const pair of pairs) pair.stalled = true
    },
    refuse: () => {
      mode = 'refuse'
      cut()
    },
    heal: () => {
      mode = 'through'
    },
    stop: async () => {
      mode = 'refuse'
      cut()
      server.close()
      await once(server, 'close')
    },
  }
}

function endsWithReady(bytes: Buffer): boolean {
  return bytes.subarray(-READY.length).equals(READY)
}

function join(pair: Pair, from: Socket, to: Socket, passes = (_bytes: Buffer): boolean => true): void {
  from.on('data', (bytes) => {
    if (!pair.stalled && passes(bytes)) to.write(bytes)
  })
  from.on('end', () => {
    if (!pair.stalled && pair.held === undefined) to.end()
  })
}

/** What breaks here was broken on purpose; both sides see it by themselves. */
function ignore(): void {
  return undefined
}

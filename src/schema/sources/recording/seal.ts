/** Closes a thread to the network: what runs in it can reach no database, by whatever library. */
import dgram from 'node:dgram'
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'
import workers from 'node:worker_threads'
import { NeedsAnswer } from './answers.ts'

export function sealNetwork(): void {
  const refuse = (...args: unknown[]): never => {
    throw new NeedsAnswer(`a connection${placeOf(args)}`)
  }
  const seal = (owner: object, names: readonly string[]): void => {
    for (const name of names) {
      if (name in owner) Object.defineProperty(owner, name, { value: refuse })
    }
  }
  seal(net.Socket.prototype, ['connect'])
  seal(net.Server.prototype, ['listen'])
  seal(dgram, ['createSocket'])
  seal(workers, ['Worker'])
  const questions = [
    'lookup',
    'lookupService',
    ...Object.keys(dns).filter((name) => name.startsWith('resolve')),
  ]
  seal(dns, questions)
  seal(dns.promises, questions)
  syncBuiltinESMExports()
}

/** Where a call of `connect` would lead, when that can be seen. */
function placeOf([first, second]: unknown[]): string {
  if (typeof first === 'number') return ` to ${typeof second === 'string' ? second : 'localhost'}:${first}`
  const given: unknown = Array.isArray(first) ? first[0] : first
  if (typeof given !== 'object' || given === null) return ''
  const { host, port, path } = given as { host?: unknown; port?: unknown; path?: unknown }
  if (typeof path === 'string') return ` to ${path}`
  return typeof host === 'string' ? ` to ${host}:${String(port)}` : ''
}

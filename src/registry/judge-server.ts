/** What is judged of a server in the same way whatever its kind. */
import { findingsOf, type Finding } from '../lib/finding.ts'
import type { ReadFacts } from './read-address.ts'
import type { DbServer } from './servers.ts'

const MOST_SKEW_MS = 5_000

const UNVERIFIED = {
  disable: 'the connection is not encrypted',
  require: 'TLS, but whose certificate it is is not verified',
  'verify-ca': 'TLS, but that the certificate is for this host is not verified',
}

export function judgeTransport(server: DbServer): Finding {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  const local = isLocal(server.host)
  if (local || server.sslmode === 'verify-full')
    return ok('server.tls', local ? 'on this machine' : 'TLS, certificate verified')
  return warn('server.tls', UNVERIFIED[server.sslmode], 'Add sslmode=verify-full to its connection URL.')
}

function isLocal(host: string): boolean {
  return host.startsWith('/') || /^(localhost|127\.|::1$)/.test(host)
}

/** Of the address that is only read from, when it answers. */
export function judgeReading(server: DbServer, facts: ReadFacts): Finding[] {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  const what = facts.isReplica ? 'a replica' : 'the server itself'
  const text = `its read address ${facts.place}, ${what}, answers in ${Math.round(facts.latencyMs)} ms`
  const update = `tenantry server update ${server.name} --read-dsn-file FILE`
  const ssl = server.read_sslmode ?? 'disable'
  const findings = [ok('server.reading', `${text}, as ${facts.user}`)]
  if (facts.isSuperuser)
    findings.push(
      warn(
        'server.reading-role',
        `its read address logs in as ${facts.user}, a superuser: a role that owns nothing is enough to read catalogues`,
        `Make one (create role auditor login), then: ${update}`,
      ),
    )
  if (!isLocal(server.read_host ?? '') && ssl !== 'verify-full')
    findings.push(
      warn(
        'server.reading-tls',
        `its read address: ${UNVERIFIED[ssl]}`,
        `With sslmode=verify-full in the URL: ${update}`,
      ),
    )
  return findings
}

interface Room {
  readonly max: number
  readonly used: number
  /** Kept by the server for its administrators. */
  readonly reserved?: number
  /** Most connections that rollouts open to one server. */
  readonly wanted: number
}

export function judgeConnections(server: DbServer, { max, used, reserved = 0, wanted }: Room): Finding {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  const free = max - reserved - used
  const text = `${used} of ${max} connections in use, ${free} free`
  if (free >= Math.min(wanted, 20)) return ok('server.connections', text)
  return warn(
    'server.connections',
    text,
    'Raise max_connections, or lower MAX_CONCURRENT_CONNECTIONS so that rollouts leave room.',
  )
}

/** @param now the server's clock, and @param asked this machine's before it was asked, both in milliseconds */
export function judgeClock(server: DbServer, now: number, asked: number): Finding {
  const { ok, warn } = findingsOf(`server ${server.name}`)
  const skew = Math.round(Math.abs(now - (asked + Date.now()) / 2))
  return skew <= MOST_SKEW_MS
    ? ok('server.clock', 'clocks agree')
    : warn(
        'server.clock',
        `its clock differs from this machine's by ${Math.round(skew / 1000)} s`,
        'Synchronise the clocks of both machines.',
      )
}

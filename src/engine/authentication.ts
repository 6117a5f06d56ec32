/** Logging in to a PostgreSQL server: password in clear, MD5 or SCRAM, as the server asks. */
import { createHash } from 'node:crypto'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { serialize } from 'pg-protocol'
import type { BackendMessage } from 'pg-protocol/dist/messages.js'
import type { ServerAddress } from './address.ts'
import { DatabaseFailure } from './failure.ts'
import { startScram, type ScramExchange } from './scram.ts'
import { endPointBinding } from './tls.ts'

/** Binds the login to the connection where both sides can: over TLS, when the server offers it. */
export function beginScram(message: BackendMessage, socket: Socket): ScramExchange {
  const binding = socket instanceof TLSSocket ? endPointBinding(socket) : undefined
  if (binding === undefined) return startScram('unable')
  return startScram(mechanismsOf(message).includes('SCRAM-SHA-256-PLUS') ? binding : 'not offered')
}

function mechanismsOf(message: BackendMessage): readonly string[] {
  return (message as unknown as { mechanisms: string[] }).mechanisms
}

/** Answers what a server asks of whoever logs in. @throws DatabaseFailure of class 28 */
export async function answerAuthentication(
  message: BackendMessage,
  socket: Socket,
  address: ServerAddress,
  scram: ScramExchange | undefined,
): Promise<void> {
  switch (message.name) {
    case 'authenticationCleartextPassword':
      if (address.ssl === 'disable' && !isLocal(address.host)) {
        throw new DatabaseFailure(
          '28000',
          `${address.host} asks for the password in clear over a connection without TLS.`,
        )
      }
      socket.write(serialize.password(passwordOf(address)))
      break
    case 'authenticationMD5Password': {
      const { salt } = message as unknown as { salt: Buffer }
      const inner = createHash('md5')
        .update(`${passwordOf(address)}${address.user}`)
        .digest('hex')
      socket.write(serialize.password(`md5${createHash('md5').update(inner).update(salt).digest('hex')}`))
      break
    }
    case 'authenticationSASL': {
      const mechanisms = mechanismsOf(message)
      if (scram === undefined || !mechanisms.includes(scram.mechanism)) {
        throw new DatabaseFailure(
          '28000',
          `${address.host} offers no login Tenantry knows: ${mechanisms.join(', ')}.`,
        )
      }
      passwordOf(address)
      socket.write(serialize.sendSASLInitialResponseMessage(scram.mechanism, scram.first))
      break
    }
    case 'authenticationSASLContinue': {
      const { data } = message as unknown as { data: string }
      const final = await scram?.final(passwordOf(address), data)
      socket.write(serialize.sendSCRAMClientFinalMessage(final ?? ''))
      break
    }
    case 'authenticationSASLFinal':
      scram?.verify((message as unknown as { data: string }).data)
      break
    default:
  }
}

function passwordOf(address: ServerAddress): string {
  if (address.password === undefined) {
    throw new DatabaseFailure(
      '28P01',
      `${address.host}:${address.port} asks ${address.user} for a password, and none is known.`,
    )
  }
  return address.password
}

function isLocal(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || host.startsWith('127.')
}

export function refusedLogin(error: unknown, address: ServerAddress): DatabaseFailure {
  const reason = error instanceof Error ? error.message : String(error)
  return new DatabaseFailure('28000', `Login to ${address.host}:${address.port} failed: ${reason}`, {
    cause: error,
  })
}

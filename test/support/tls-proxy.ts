/** Somebody between Tenantry and a server who speaks TLS to both, with a certificate of their own. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect as connectTls, TLSSocket } from 'node:tls'
import { serialize } from 'pg-protocol'
import type { Certificate } from './certificates.ts'

export interface TlsProxy {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly stop: () => Promise<void>
}

export async function startTlsProxy(
  target: { host: string; port: number },
  own: Certificate,
): Promise<TlsProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((near) => {
    void pass(near, target, own, (socket) => {
      sockets.add(socket)
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    async stop() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

async function pass(
  near: Socket,
  target: { host: string; port: number },
  own: Certificate,
  watch: (socket: Socket) => void,
): Promise<void> {
  watch(near)
  const far = connect(target.port, target.host)
  watch(far)
  await Promise.all([once(near, 'data'), once(far, 'connect')])
  far.write(serialize.requestSsl())
  await once(far, 'data')
  const secureFar = connectTls({ socket: far, rejectUnauthorized: false })
  watch(secureFar)
  await once(secureFar, 'secureConnect')
  near.write('S')
  const secureNear = new TLSSocket(near, { isServer: true, cert: own.certificate, key: own.key })
  watch(secureNear)
  secureNear.pipe(secureFar)
  secureFar.pipe(secureNear)
}

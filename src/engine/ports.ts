/** Free TCP ports of 127.0.0.1. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** The port given, or any, that nobody listens on at the moment; an error with code EADDRINUSE when it is taken. */
export async function freePort(port = 0): Promise<number> {
  const probe = createServer()
  probe.listen({ host: '127.0.0.1', port, exclusive: true })
  await once(probe, 'listening')
  const address = probe.address() as AddressInfo
  probe.close()
  await once(probe, 'close')
  return address.port
}

export async function isFree(port: number): Promise<boolean> {
  return await freePort(port).then(
    () => true,
    (thrown: NodeJS.ErrnoException) => {
      // A port below 1024 is refused to ordinary users: no more usable than one that is taken.
      if (thrown.code === 'EADDRINUSE' || thrown.code === 'EACCES') return false
      throw thrown
    },
  )
}

/**
 * A process that runs an embedded server, for tests that kill such a process or run it as another user.
 * Arguments: state directory, uid (0: stay). Prints one line of JSON, stops the server when its input ends.
 */
import { once } from 'node:events'
import { startEmbedded } from '../../src/engine/embedded.ts'
import { TenantryError } from '../../src/lib/errors.ts'

const [stateDir = '', uid = '0'] = process.argv.slice(2)
if (uid !== '0') {
  process.setgroups?.([])
  process.setgid?.(Number(uid))
  process.setuid?.(Number(uid))
}
try {
  const { pid, port, superuser, stop } = await startEmbedded({ stateDir, noSync: true })
  console.log(JSON.stringify({ pid, port, ...superuser }))
  await once(process.stdin.resume(), 'end')
  await stop()
} catch (thrown) {
  if (!(thrown instanceof TenantryError)) throw thrown
  console.log(JSON.stringify({ code: thrown.code, message: thrown.message }))
}

/**
 * A worker process, for tests that kill it. The first line of its input is JSON: state directory and control URL
 * (with a password, which is why it is not an argument). Prints `ready`; drains on SIGTERM and when its input ends.
 */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { readConfig } from '../../src/config.ts'
import { makeLog, openApp, startWorker } from '../../src/serve.ts'

const lines = createInterface({ input: process.stdin })
const [line] = (await once(lines, 'line')) as [string]
const { stateDir, controlUrl } = JSON.parse(line) as { stateDir: string; controlUrl: string }
const config = readConfig({ environment: { TENANTRY_STATE_DIR: stateDir }, directory: stateDir })
const app = await openApp(config, controlUrl, makeLog('info'))
const { worker } = await startWorker(app, controlUrl)
console.log('ready')
await Promise.race([once(lines, 'close'), once(process, 'SIGTERM')])
await worker.drain()
await app.close()
lines.close()

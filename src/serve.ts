/** Puts the parts together: one process that serves the API, works, or both. */
import { pino, type Logger } from 'pino'
import type { App } from './api/app.ts'
import type { Config } from './config.ts'
import { openControl } from './control/control.ts'
import { migrateControl } from './control/migrate.ts'
import type { OperationHandler } from './control/operations/operation.ts'
import { openKeyring } from './control/secrets.ts'
import { collectRegistry } from './observability/collectors/registry.ts'
import { collectRollouts } from './observability/collectors/rollouts.ts'
import { registerCollector } from './observability/metrics.ts'
import { benchmarkHandler } from './provisioning/benchmark.ts'
import { simulateCleanupHandler, simulateHandler } from './provisioning/simulate.ts'
import { adoptHandler } from './rollout/adopt.ts'
import { RolloutCarrier } from './rollout/carry-out.ts'
import { rolloutController } from './rollout/controller.ts'
import { discoverHandler, importHandler } from './registry/operations.ts'
import { measureRollout } from './rollout/measure.ts'
import { schemaSyncHandler } from './rollout/sync.ts'
import { driftScanHandler } from './schema/drift/scan.ts'
import { Worker } from './worker/worker.ts'

/** @param destination file descriptor, or path of a file. */
export function makeLog(level: Config['logLevel'], destination: number | string = 2): Logger {
  return pino(
    { level, redact: ['password', 'dsn', 'token', 'req.headers.authorization'] },
    pino.destination(destination),
  )
}

/** Opens the control database and what belongs to it. */
export async function openApp(
  config: Config,
  controlUrl: string,
  log: Logger,
): Promise<App & { close(): Promise<void> }> {
  const control = openControl({ url: controlUrl })
  try {
    const applied = await migrateControl(control)
    if (applied.length > 0) log.info({ applied }, 'control database migrated')
    const keyring = await openKeyring(config.secretKeyFile)
    return { config, control, keyring, log, close: () => control.close() }
  } catch (error) {
    await control.close()
    throw error
  }
}

registerCollector('registry', collectRegistry)
registerCollector('rollouts', collectRollouts)

function operationHandlers(app: App): Record<string, OperationHandler> {
  return {
    rollout: rolloutController(app),
    discover: discoverHandler(app),
    import: importHandler(),
    adopt: adoptHandler(app),
    'drift-scan': driftScanHandler(app),
    'schema-sync': schemaSyncHandler(app),
    benchmark: benchmarkHandler(app.control, measureRollout(app.control, app.config)),
    simulate: simulateHandler(app),
    'simulate-cleanup': simulateCleanupHandler(app),
  }
}

/** A worker that runs every kind of operation. */
export async function startWorker(
  app: App,
  controlUrl: string,
): Promise<{ worker: Worker; carrier: RolloutCarrier }> {
  const carrier = new RolloutCarrier(app)
  const worker = new Worker({
    control: app.control,
    controlUrl,
    host: app.config.hostname,
    handlers: operationHandlers(app),
    sideWork: carrier,
    log: app.log,
  })
  await worker.start()
  return { worker, carrier }
}

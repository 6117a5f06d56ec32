/** Rolls a change out and says how fast it went: for the benchmark operation. */
import type { Config } from '../config.ts'
import type { Control } from '../control/control.ts'
import type { MeasureRollout } from '../provisioning/benchmark.ts'
import { Wakeup } from '../lib/wakeup.ts'
import { storeVersion, withNewVersionId } from '../schema/versions.ts'
import { rolloutOptions } from './rollout.ts'
import { startRollout } from './start.ts'
import { rolloutStatus } from './status.ts'

const POLL_MS = 50

export function measureRollout(control: Control, config: Config): MeasureRollout {
  return async ({ name, sql, selector, maxConnections, signal }) => {
    const version = await withNewVersionId(control, new Date(), (tx, versionId) =>
      storeVersion(tx, {
        versionId,
        description: `benchmark ${name}`,
        upgradeSql: sql,
        downgradeSql: null,
        internal: true,
      }),
    )
    const rollout = await startRollout(control, {
      versionId: version.version_id,
      upTo: false,
      dryRun: false,
      waves: [{ size: 'rest' }],
      order: 'name',
      createdBy: 'benchmark',
      options: rolloutOptions.parse({
        selector,
        maxConnections,
        errorThresholdPercent: config.errorThresholdPercent,
        maxRetries: config.maxRetries,
        lockTimeout: config.lockTimeout,
        statementTimeout: config.statementTimeout,
        via: 'direct',
      }),
    })
    const clock = new Wakeup()
    for (;;) {
      signal.throwIfAborted()
      const status = await rolloutStatus(control, rollout.id)
      if (status.rollout.state !== 'running') {
        return {
          seconds: status.elapsedSeconds,
          tenantsPerSecond: status.progress.completed / status.elapsedSeconds,
          p50Ms: status.latencyMs.p50,
          p95Ms: status.latencyMs.p95,
          p99Ms: status.latencyMs.p99,
          failed: status.progress.failed,
        }
      }
      await clock.sleep(POLL_MS, signal)
    }
  }
}

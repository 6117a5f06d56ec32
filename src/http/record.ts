/** Writes the audit log for the HTTP surface: a row that cannot be stored is kept in the program's log. */
import type { App } from '../api/app.ts'
import { appendAudit, type AuditEntry } from '../control/audit.ts'
import { messageOf } from '../lib/errors.ts'
import { metrics } from '../observability/metrics.ts'

export async function record(app: App, entry: AuditEntry): Promise<void> {
  try {
    await appendAudit(app.control, entry)
  } catch (error) {
    metrics.auditWriteFailures.inc()
    app.log.error({ audit: entry, err: messageOf(error) }, 'the audit row could not be stored')
  }
}

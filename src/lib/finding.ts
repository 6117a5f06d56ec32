/** One line of an examination. */
export interface Finding {
  /** What was examined: `server pg-1`, `control database`. */
  readonly subject: string
  /** Stable: `server.superuser`. */
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  readonly message: string
  /** What to do about it; null when nothing. */
  readonly fix: string | null
}

/** Makes findings about one subject. */
export function findingsOf(
  subject: string,
): Record<Finding['status'], (check: string, message: string, fix?: string) => Finding> {
  const make = (status: Finding['status']) => (check: string, message: string, fix?: string) => ({
    subject,
    check,
    status,
    message,
    fix: fix ?? null,
  })
  return { ok: make('ok'), warn: make('warn'), fail: make('fail') }
}

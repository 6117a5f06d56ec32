/** Examining Tenantry's own house: the control database, the workers, the files that hold secrets. */
import { stat } from 'node:fs/promises'
import { findingsOf, type Finding } from '../lib/finding.ts'
import type { Control } from './control.ts'
import { liveWorkers } from './workers.ts'

/** Files that hold secrets. */
interface SecretFiles {
  readonly secretKeyFile: string
  readonly tokenFile: string
}

/** @throws what the control database throws when it does not answer. */
export async function examineHouse(control: Control, files: SecretFiles): Promise<Finding[]> {
  return [
    ...(await examineControl(control)),
    await examineWorkers(control),
    await examineFile('secret key', 'secret.key', files.secretKeyFile),
    await examineFile('token file', 'token.file', files.tokenFile),
  ]
}

async function examineControl(control: Control): Promise<Finding[]> {
  const { ok, warn } = findingsOf('control database')
  const asked = performance.now()
  const [row] = await control.query<{ version: number; used: number; most: number; superuser: boolean }>(
    `select current_setting('server_version_num')::int as version, current_setting('max_connections')::int as most,
       (select count(*)::int from pg_stat_activity where backend_type = 'client backend') as used,
       (select rolsuper from pg_roles where rolname = current_user) as superuser`,
  )
  const took = Math.round(performance.now() - asked)
  if (row === undefined) throw new Error('the control database gave no row')
  const room = `${row.used} of ${row.most} connections in use`
  return [
    ok(
      'control.reachable',
      `PostgreSQL ${Math.floor(row.version / 10_000)}.${row.version % 10_000} answers in ${took} ms`,
    ),
    row.most - row.used >= 10
      ? ok('control.connections', room)
      : warn(
          'control.connections',
          room,
          'Raise max_connections of the control database, or run fewer processes.',
        ),
    row.superuser
      ? warn(
          'control.role',
          'DATABASE_URL logs in as a superuser',
          'Give Tenantry a role of its own that owns its database.',
        )
      : ok('control.role', 'logs in as no superuser'),
  ]
}

async function examineWorkers(control: Control): Promise<Finding> {
  const { ok, warn } = findingsOf('workers')
  const workers = await liveWorkers(control)
  return workers.length > 0
    ? ok('workers.alive', `${workers.length} running`)
    : warn(
        'workers.alive',
        'none is running: rollouts and operations wait',
        'Start one: tenantry serve --role worker',
      )
}

async function examineFile(subject: string, check: string, file: string): Promise<Finding> {
  const { ok, warn, fail } = findingsOf(subject)
  try {
    const { mode } = await stat(file)
    return (mode & 0o077) === 0
      ? ok(check, `${file} can be read by its owner alone`)
      : fail(check, `${file} can be read by others`, `chmod 600 ${file}`)
  } catch {
    return warn(check, `${file} cannot be looked at from where the API runs`)
  }
}

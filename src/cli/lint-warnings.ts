/** What the text of a version already tells, as a warning beside what was asked for. */
import { TenantryError } from '../lib/errors.ts'
import type { Api } from './api.ts'
import type { Cli } from './cli.ts'

const MOST_SHOWN = 5
/** Dumps of data are not read for this. */
const MOST_BYTES = 1024 * 1024

interface Told {
  readonly version_id: string
  readonly dialect: string
  readonly upgrade_sql: string
}

/** Says which statements would have to be allowed by name; nothing where squawk is not installed. */
export async function warnOfHazards(cli: Cli, version: Told): Promise<void> {
  if (version.dialect !== 'postgres' || version.upgrade_sql.length > MOST_BYTES) return
  const { lintVersion } = await import('../schema/lint/lint.ts')
  const { openFindings } = await import('../schema/lint/findings.ts')
  const { findSquawk } = await import('../schema/lint/squawk.ts')
  const squawk = await findSquawk()
  if (squawk === undefined) return
  const { version_id: name, upgrade_sql: sql } = version
  const open = openFindings(await lintVersion({ name, file: null, firstLine: 1, sql }, { squawk, allow: [] }))
  if (open.length === 0) return
  for (const { line, hazard, rule, message } of open.slice(0, MOST_SHOWN))
    cli.output.say(`${name}, line ${line}: ${hazard ?? rule}: ${message}`)
  const more = open.length > MOST_SHOWN ? `${open.length - MOST_SHOWN} more, and what` : 'What'
  cli.output.say(`${more} a rehearsal shows: tenantry version lint ${name}`)
}

/** The same for the version of a rollout; a token that may start one need not be one that may read. */
export async function warnOfRollout(cli: Cli, api: Api, id: string): Promise<void> {
  let version: Told
  try {
    const { version_id } = await api.call(api.at('rollouts.get'), { params: { job_id: id } })
    version = await api.call(api.at('versions.get'), { params: { version_id } })
  } catch (thrown) {
    if (thrown instanceof TenantryError && thrown.code === 'forbidden') return
    throw thrown
  }
  await warnOfHazards(cli, version)
}

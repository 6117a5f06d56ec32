/** An examination of this installation, with what to do about what was found. */
import { z } from 'zod'
import { childEnvironment } from '../config.ts'
import { examineHouse } from '../control/doctor.ts'
import { which } from '../engine/exec.ts'
import { findingsOf, type Finding } from '../lib/finding.ts'
import { examineServer } from '../registry/doctor.ts'
import { listServers } from '../registry/servers.ts'
import type { App } from './app.ts'
import { defineEndpoint } from './endpoint.ts'

const finding = z.object({
  subject: z.string(),
  check: z.string(),
  status: z.enum(['ok', 'warn', 'fail']),
  message: z.string(),
  fix: z.string().nullable(),
})

const examine = defineEndpoint({
  id: 'doctor.examine',
  method: 'GET',
  path: '/doctor',
  tag: 'Health',
  scope: 'registry:read',
  summary: 'Examine this installation',
  description: 'Asks the control database and every server now.',
  status: 200,
  output: z.object({ items: z.array(finding) }),
  run: async (app) => ({ items: await examineAll(app) }),
})

async function examineAll(app: App): Promise<Finding[]> {
  const { control, keyring, config } = app
  const parts = { control, keyring, maxConnections: config.maxConcurrentConnections }
  const servers = await listServers(control)
  const found = await Promise.all(servers.map((server) => examineServer(parts, server)))
  const none = findingsOf('servers').warn(
    'servers.any',
    'none is registered',
    'tenantry server add NAME --dsn-file FILE',
  )
  return [
    ...(await examineHouse(control, config)),
    ...(servers.length === 0 ? [none] : found.flat()),
    await examineAlembic(app),
  ]
}

async function examineAlembic({ config }: App): Promise<Finding> {
  const { ok, fail } = findingsOf('alembic')
  const path = await which('alembic', childEnvironment()['PATH'] ?? '')
  if (path !== undefined) return ok('program.alembic', path)
  return config.alembicConfigPath === undefined
    ? ok('program.alembic', 'not installed; only needed for versions from Alembic')
    : fail(
        'program.alembic',
        'not installed, but ALEMBIC_CONFIG_PATH names a project',
        'pip install alembic, or: apt-get install alembic',
      )
}

export const doctorEndpoints = [examine] as const

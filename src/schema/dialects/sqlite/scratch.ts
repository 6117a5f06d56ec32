/** An empty database in a folder of its own, gone when closed. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { SqliteFile } from '../../../engine/sqlite-file.ts'
import type { Scratch } from '../dialect.ts'
import { connect } from './session.ts'

export async function scratch(): Promise<Scratch> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tenantry-scratch-'))
  const file = path.join(folder, 'scratch.db')
  const url = `sqlite:${file}`
  SqliteFile.open(file, { busyMs: 0, create: true }).close()
  const session = await connect(url)
  return {
    url,
    session,
    async close() {
      await session.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

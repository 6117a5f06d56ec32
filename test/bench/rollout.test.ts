/** The benchmark runs to its end: what is measured here says nothing, that all of it can be measured does. */
import path from 'node:path'
import { expect } from 'vitest'
import { run } from '../../src/engine/exec.ts'
import { withProgram } from '../support/programs.ts'

const main = path.join(import.meta.dirname, '../../bench/rollout/main.ts')

withProgram('cc', 'psql').test('on a few databases, one round: every program reaches every one', async () => {
  const args = [main, '--databases', '12', '--rounds', '1', '--json']
  const { code, stdout, stderr } = await run(process.execPath, args, {
    cwd: path.dirname(main),
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' },
    timeoutMs: 110_000,
  })
  expect({ code, failure: code === 0 ? '' : stderr }).toEqual({ code: 0, failure: '' })
  const { rows, ...figures } = JSON.parse(stdout) as { rows: { runs: number }[] }
  expect(figures).toMatchObject({
    databases: 12,
    ratio_to_ceiling: expect.any(Number) as number,
    ratio_to_libpq: expect.any(Number) as number,
    cpu_ms_per_tenant: expect.any(Number) as number,
    peak_rss_mb: expect.any(Number) as number,
    tenants_per_second: expect.any(Number) as number,
  })
  expect(rows.map((row) => row.runs)).toEqual(Array.from({ length: 7 }, () => 1))
})

/**
 * Tenantry in a process of its own, for measurements: reads one order per line, answers with one line of JSON.
 *   inspect URL            → {ms, cpuMs, objects}
 *   compare URL URL        → {diffMs, changes, planMs, steps}
 *   memory                 → {peakMb}
 *   audit ASK CONCURRENCY URLS-AS-JSON → {seconds, distinct}
 *   unwritten URLS-AS-JSON → {seconds, vouched}: since the same was asked before
 */
import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { diff } from '../../src/schema/diff/diff.ts'
import { dialectNamed } from '../../src/schema/dialects/index.ts'
import { makePlan } from '../../src/schema/plan/make-plan.ts'
import type { Snapshot } from '../../src/schema/snapshot/snapshot.ts'

const dialect = await dialectNamed('postgres')

async function inspect(url: string): Promise<Snapshot> {
  const session = await dialect.connect(url)
  try {
    return await dialect.inspect(session)
  } finally {
    await session.close()
  }
}

async function timed<T>(work: () => Promise<T> | T): Promise<[ms: number, result: T]> {
  const started = performance.now()
  const result = await work()
  return [performance.now() - started, result]
}

async function compare(from: string, to: string): Promise<object> {
  const [a, b] = [await inspect(from), await inspect(to)]
  const [diffMs, changes] = await timed(() => diff(a, b))
  const [planMs, plan] = await timed(() => makePlan(dialect, a, b))
  return { diffMs, changes: changes.length, planMs, steps: plan.steps.length }
}

/** `fingerprint`: what tells equal schemas from others; `marker`: what tells whether anything has changed. */
async function audit(
  ask: 'fingerprint' | 'marker',
  urls: readonly string[],
  concurrency: number,
): Promise<object> {
  const found = new Set<string>()
  const queue = urls.values()
  const lane = async (): Promise<void> => {
    for (const url of queue) {
      const session = await dialect.connect(url)
      found.add(
        ask === 'marker'
          ? ((await dialect.changeMarker?.(session)) ?? '')
          : await dialect.catalogueFingerprint(session),
      )
      await session.close()
    }
  }
  const [ms] = await timed(() => Promise.all(Array.from({ length: concurrency }, lane)))
  return { seconds: ms / 1000, distinct: found.size }
}

/** As many as an audit asks for at once. */
const PAGE = 500
const lastMarks = new Map<string, string>()

/** Asks the server about the databases of these URLs, all on it, on one connection. */
async function unwritten(urls: readonly string[]): Promise<object> {
  const names = urls.map((url) => new URL(url).pathname.slice(1))
  const at = new URL(urls[0] ?? '')
  at.pathname = '/postgres'
  let vouched = 0
  const [ms] = await timed(async () => {
    for (let start = 0; start < names.length; start += PAGE) {
      const session = await dialect.connect(at.href)
      const marks = await dialect.writeMarks?.(session, names.slice(start, start + PAGE))
      await session.close()
      for (const [name, { mark, inUse }] of marks ?? []) {
        if (!inUse && lastMarks.get(name) === mark) vouched++
        lastMarks.set(name, mark)
      }
    }
  })
  return { seconds: ms / 1000, vouched }
}

async function peakMb(): Promise<number> {
  const [, kb] = /^VmHWM:\s+(\d+)/m.exec(await readFile('/proc/self/status', 'utf8')) ?? []
  return Number(kb) / 1024
}

async function answer(line: string): Promise<object> {
  const [order, ...words] = line.split(' ')
  switch (order) {
    case 'inspect': {
      const before = process.cpuUsage()
      const [ms, snapshot] = await timed(() => inspect(words[0] ?? ''))
      const { user, system } = process.cpuUsage(before)
      return { ms, cpuMs: (user + system) / 1000, objects: snapshot.objects.length }
    }
    case 'compare':
      return compare(words[0] ?? '', words[1] ?? '')
    case 'audit':
      return audit(
        words[0] === 'marker' ? 'marker' : 'fingerprint',
        JSON.parse(words.slice(2).join(' ')) as string[],
        Number(words[1]),
      )
    case 'unwritten':
      return unwritten(JSON.parse(words.join(' ')) as string[])
    default:
      return { peakMb: await peakMb() }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(line))}\n`)
}

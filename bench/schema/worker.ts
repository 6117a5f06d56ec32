/** Tenantry in a process of its own, as the measurements talk to it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'

export interface BenchWorker {
  inspect(url: string): Promise<{ ms: number; cpuMs: number; objects: number }>
  compare(
    from: string,
    to: string,
  ): Promise<{ diffMs: number; changes: number; planMs: number; steps: number }>
  audit(
    ask: 'fingerprint' | 'marker',
    urls: readonly string[],
    concurrency: number,
  ): Promise<{ seconds: number; distinct: number }>
  /** How many of these, all on one server, it says nobody has written to since it was asked before. */
  unwritten(urls: readonly string[]): Promise<{ seconds: number; vouched: number }>
  /** The most memory that it has had. */
  peakMb(): Promise<number>
  stop(): Promise<void>
}

export function startWorker(): BenchWorker {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'child.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ask = async <T>(...words: string[]): Promise<T> => {
    child.stdin.write(`${words.join(' ')}\n`)
    const line = await lines.next()
    if (line.done === true) throw new Error(`The process ended at: ${words[0]}`)
    return JSON.parse(line.value) as T
  }
  return {
    inspect: (url) => ask('inspect', url),
    compare: (from, to) => ask('compare', from, to),
    audit: (what, urls, concurrency) => ask('audit', what, String(concurrency), JSON.stringify(urls)),
    unwritten: (urls) => ask('unwritten', JSON.stringify(urls)),
    peakMb: async () => (await ask<{ peakMb: number }>('memory')).peakMb,
    stop: async () => {
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

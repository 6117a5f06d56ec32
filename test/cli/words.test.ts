/** What the command line writes: safe text, lines of progress, numbers, tables. */
import { describe, expect, test } from 'vitest'
import { count, duration, rate } from '../../src/cli/format.ts'
import { Output, type View } from '../../src/cli/output.ts'
import { bar, ProgressLine } from '../../src/cli/progress.ts'
import {
  eventText,
  groupText,
  progressText,
  summaryLines,
  type Rollout,
} from '../../src/cli/rollouts/render.ts'
import { parseCsv } from '../../src/cli/tenant-file.ts'
import { cut, oneLine, printable, printableJson, widthOf } from '../../src/cli/terminal.ts'

describe('text for a terminal', () => {
  test.each([
    ['\u001B[31mred\u001B[0m', 'red'],
    ['\u001B]0;title\u0007rest', 'rest'],
    ['a\u009B2Jb', 'ab'],
    ['bell\u0007', 'bell\uFFFD'],
    ['over\rwritten', 'over\uFFFDwritten'],
    ['user\u202Etxt.exe', 'user\uFFFDtxt.exe'],
    ['tab\tand\nline', 'tab\tand\nline'],
    ['Grüße, 東京', 'Grüße, 東京'],
  ])('%j is shown as %j', (text, shown) => {
    expect(printable(text)).toBe(shown)
  })

  test('on one line', () => {
    expect(oneLine('one\n  two\tthree')).toBe('one two three')
  })

  test('JSON stays the same JSON', () => {
    const value = { text: '\u001B[2J\u009B\u202E\u2028"\\', list: [1, null] }
    expect(printableJson(value)).toMatch(/^[\u0020-\u007E]*$/)
    expect(JSON.parse(printableJson(value, 2))).toEqual(value)
  })

  test('widths count what a screen counts', () => {
    expect([widthOf('abc'), widthOf('東京'), widthOf('e\u0301'), widthOf('🚀')]).toEqual([3, 4, 1, 2])
    expect(cut('abcdef', 4)).toBe('abc…')
    expect(cut('東京都庁', 5)).toBe('東京…')
    expect(cut('abcd', 4)).toBe('abcd')
  })
})

describe('numbers', () => {
  test.each([
    [null, '–'],
    [3.24, '3.2 ms'],
    [999, '999 ms'],
    [1_449, '1.4 s'],
    [64_000, '1m04'],
    [59_999, '60 s'],
    [7_500_000, '2h05'],
  ])('%s ms is %s', (ms, text) => {
    expect(duration(ms)).toBe(text)
  })

  test('counts and rates', () => {
    expect([count(41_208), rate(812.4), rate(3.44), rate(0)]).toEqual(['41,208', '812/s', '3.4/s', '0/s'])
  })

  test('bars', () => {
    expect([bar(0, 4), bar(0.5, 4), bar(0.53, 4), bar(1, 4), bar(7, 4)]).toEqual([
      '    ',
      '██  ',
      '██  ',
      '████',
      '████',
    ])
    expect(bar(0.6, 4)).toBe('██▍ ')
  })
})

describe('progress', () => {
  function screen(live: boolean): { written: string[]; line: ProgressLine; at: (ms: number) => void } {
    const written: string[] = []
    let now = 0
    const line = new ProgressLine({ live, columns: () => 12, write: (text) => written.push(text) }, () => now)
    return { written, line, at: (ms) => (now = ms) }
  }

  test('is redrawn on one line of a screen, cut to its width, and disappears', () => {
    const { written, line, at } = screen(true)
    line.update('1/3')
    at(150)
    line.update('2/3 and much more')
    line.log('an event')
    line.end()
    expect(written).toEqual([
      '\r\u001B[2K1/3',
      '\r\u001B[2K2/3 and mu…',
      '\r\u001B[2K',
      'an event\n',
      '\r\u001B[2K2/3 and mu…',
      '\r\u001B[2K',
    ])
  })

  test('is drawn at most ten times a second', () => {
    const { written, line, at } = screen(true)
    for (let ms = 0; ms <= 1_000; ms += 10) {
      at(ms)
      line.update(String(ms))
    }
    line.end()
    expect(written.length).toBeLessThanOrEqual(12)
  })

  test('is a plain line every few seconds elsewhere, with the last state at the end', () => {
    const { written, line, at } = screen(false)
    for (let ms = 0; ms <= 12_000; ms += 100) {
      at(ms)
      line.update(`${ms}`)
    }
    line.end()
    expect(written).toEqual(['0\n', '5000\n', '10000\n', '12000\n'])
  })
})

const ROLLOUT: Rollout = {
  job_id: '3f2a9c01-7c1e-4b7a-9d57-2f1f0b0c9a11',
  status: 'running',
  reason: null,
  breaker: 'closed',
  version_id: '20260112_143000',
  version_ids: ['20260112_143000'],
  direction: 'upgrade',
  dry_run: false,
  undo_of: null,
  selector: '',
  created_at: '2026-01-12T14:30:00.000Z',
  finished_at: null,
  progress: {
    total: 100_000,
    completed: 41_208,
    successful: 41_191,
    failed: 17,
    skipped: 0,
    already_applied: 3,
    in_flight: 20,
    retries: 2,
  },
  rate: 812.3,
  eta_seconds: 64,
  elapsed_seconds: 51,
  latency: { p50_ms: 8, p95_ms: 20, p99_ms: null },
  current_wave: 1,
  waves: [
    {
      wave: 1,
      name: 'rest',
      status: 'running',
      total: 100_000,
      successful: 41_191,
      failed: 17,
      skipped: 0,
      gate: { approval: false, soak_seconds: 0, max_error_percent: 10 },
      approved_by: null,
    },
  ],
  servers: [],
  errors: [
    { group: 'aa', sqlstate: '23505', message: 'duplicate\nkey', count: 16, tenants: ['a', 'b', 'c', 'd'] },
    { group: 'bb', sqlstate: null, message: null, count: 1, tenants: ['e'] },
  ],
}

describe('a rollout in words', () => {
  test('its line of progress', () => {
    expect(progressText(ROLLOUT)).toBe(
      'wave 1/1 ████████▏            41,208/100,000  812/s  err 17 (2 kinds)  retries 2  ETA 1m04',
    )
  })

  test('its groups of errors', () => {
    expect(ROLLOUT.errors.map(groupText)).toEqual([
      '23505 duplicate key: 16 tenants, e.g. a, b, c (group aa)',
      'failed: 1 tenant, e.g. e (group bb)',
    ])
  })

  test('its end, with what can be done', () => {
    const paused: Rollout = {
      ...ROLLOUT,
      status: 'paused',
      reason: '17 of 100 tenants failed',
      breaker: 'open',
    }
    const text = summaryLines(paused).join('\n')
    expect(text).toMatch(
      /^Rollout 3f2a9c01-\S+ paused: version 20260112_143000, 41,208 of 100,000 tenants in 51 s \(808\/s\)\n/,
    )
    expect(text).toMatch(/tenantry rollout retry 3f2a9c01[\s\S]*tenantry rollout resume 3f2a9c01/)
    expect(summaryLines({ ...ROLLOUT, status: 'stopped' }).join('\n')).not.toMatch(/→/)
  })

  test('its events', () => {
    expect(eventText('rollout.wave_started', { wave: 2 })).toBe('Wave 2 begins.')
    expect(eventText('rollout.paused', { by: 'token:1', reason: 'lunch' })).toBe(
      'The rollout was paused by token:1: lunch',
    )
    expect(eventText('rollout.completed', {})).toBeUndefined()
    expect(eventText('toString', {})).toBeUndefined()
  })
})

describe('tables', () => {
  const view: View<{ name: string; size: number | null }> = {
    name: (row) => row.name,
    columns: [
      { title: 'NAME', value: (row) => row.name },
      { title: 'SIZE', value: (row) => row.size, right: true },
      { title: 'MORE', value: () => 'x', wide: true },
    ],
  }
  const rows = [
    { name: '東京, "a"', size: 7 },
    { name: 'b', size: null },
  ]

  function print(
    format: 'table' | 'wide' | 'csv' | 'name' | 'json',
    list: typeof rows,
  ): { out: string; err: string } {
    let [out, err] = ['', '']
    const streams = {
      write: (text: string) => void (out += text),
      writeError: (text: string) => void (err += text),
    }
    const terminal = { color: false, live: false, interactive: false }
    new Output({ format, terminal, streams, quiet: false }).list(list, view, { empty: 'Nothing.' })
    return { out, err }
  }

  test('columns line up by what is seen', () => {
    expect(print('table', rows).out).toBe('NAME       SIZE\n東京, "a"     7\nb             –\n')
    expect(print('wide', rows).out.split('\n')[0]).toBe('NAME       SIZE  MORE')
  })

  test('nothing is said on standard error, and an empty list for programs', () => {
    expect(print('table', [])).toEqual({ out: '', err: 'Nothing.\n' })
    expect(JSON.parse(print('json', []).out)).toEqual({ items: [] })
  })

  test('CSV can be read back', () => {
    const { out } = print('csv', rows)
    expect(parseCsv(out)).toEqual([
      ['name', 'size', 'more'],
      ['東京, "a"', '7', 'x'],
      ['b', '', 'x'],
    ])
  })

  test('CSV of others is read too', () => {
    expect(parseCsv('a,b\r\n"x\ny",""\r\n\r\n1,2')).toEqual([
      ['a', 'b'],
      ['x\ny', ''],
      ['1', '2'],
    ])
    expect(parseCsv('a\n1\n')).toEqual([['a'], ['1']])
    expect(parseCsv('')).toEqual([])
  })
})

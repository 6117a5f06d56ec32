/** Results on standard output, in the format asked for; messages on standard error. */
import { cut, oneLine, paint, printable, printableJson, widthOf, type Terminal } from './terminal.ts'

export const FORMATS = ['table', 'wide', 'json', 'jsonl', 'csv', 'name', 'none'] as const
export type Format = (typeof FORMATS)[number]

export interface Column<Row> {
  readonly title: string
  value(row: Row): string | number | boolean | null
  /** Only in `wide`, `csv` and when one thing is shown. */
  readonly wide?: true
  readonly right?: true
}

/** How rows of one kind are shown. */
export interface View<Row> {
  readonly columns: readonly Column<Row>[]
  /** What `-o name` prints: the word that names the row in other commands. */
  name(row: Row): string | number
}

export interface Streams {
  write(text: string): void
  writeError(text: string): void
}

const LONGEST_CELL = 80

export class Output {
  readonly format: Format
  readonly terminal: Terminal
  readonly #streams: Streams
  readonly #quiet: boolean

  constructor(parts: { format: Format; terminal: Terminal; streams: Streams; quiet: boolean }) {
    this.format = parts.format
    this.terminal = parts.terminal
    this.#streams = parts.streams
    this.#quiet = parts.quiet
  }

  /** True when a person reads the result. */
  get forPeople(): boolean {
    return this.format === 'table' || this.format === 'wide'
  }

  /** A list; `body` is what `-o json` prints, by default `{items}`. */
  list<Row>(rows: readonly Row[], view: View<Row>, options: { body?: unknown; empty?: string } = {}): void {
    switch (this.format) {
      case 'json':
        return this.#line(printableJson(options.body ?? { items: rows }, 2))
      case 'jsonl':
        return rows.forEach((row) => this.#line(printableJson(row)))
      case 'csv':
        return this.#csv(rows, view.columns)
      case 'name':
        return rows.forEach((row) => this.#line(oneLine(String(view.name(row)))))
      case 'none':
        return
      default:
        if (rows.length === 0) return this.say(options.empty ?? 'There is none.')
        this.#table(
          rows,
          view.columns.filter((column) => this.format === 'wide' || column.wide === undefined),
        )
    }
  }

  /** One thing, its facts below each other. */
  show<Row>(row: Row, view: View<Row>): void {
    if (!this.forPeople) return this.list([row], view, { body: row })
    const width = Math.max(...view.columns.map((column) => column.title.length))
    for (const column of view.columns) {
      const title = paint(this.terminal, 'dim', column.title.toLowerCase().padEnd(width))
      this.#line(`${title}  ${oneLine(cell(column.value(row)))}`.trimEnd())
    }
  }

  /** A value for programs; for people, `text`. */
  value(value: unknown, text: string): void {
    if (this.format === 'none') return
    if (this.forPeople || this.format === 'name') this.#line(printable(text))
    else this.#line(printableJson(value, this.format === 'json' ? 2 : undefined))
  }

  /** Text on standard output, only when a person reads it. */
  print(text: string): void {
    if (this.forPeople) this.#line(printable(text))
  }

  /** Text on standard output as it is: SQL, a token, a script. */
  raw(text: string): void {
    this.#streams.write(text)
  }

  /** One line of JSON on standard output. */
  event(value: unknown): void {
    this.#line(printableJson(value))
  }

  /** A message on standard error, unless `--quiet`. */
  say(text: string): void {
    if (!this.#quiet) this.#streams.writeError(`${printable(text)}\n`)
  }

  /** Progress on standard error, unless `--quiet`: text that was made printable before. */
  screen(text: string): void {
    if (!this.#quiet) this.#streams.writeError(text)
  }

  #line(text: string): void {
    this.#streams.write(`${text}\n`)
  }

  #table<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
    const cells = rows.map((row) =>
      columns.map((column) => cut(oneLine(cell(column.value(row))), LONGEST_CELL)),
    )
    const widths = columns.map((column, index) =>
      Math.max(column.title.length, ...cells.map((line) => widthOf(line[index] ?? ''))),
    )
    const draw = (line: readonly string[]): string =>
      line
        .map((text, index) => {
          const padding = ' '.repeat((widths[index] ?? 0) - widthOf(text))
          return columns[index]?.right === true ? padding + text : text + padding
        })
        .join('  ')
        .trimEnd()
    this.#line(paint(this.terminal, 'dim', draw(columns.map((column) => column.title))))
    for (const line of cells) this.#line(draw(line))
  }

  #csv<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): void {
    const quote = (text: string): string => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
    this.#line(columns.map((column) => column.title.toLowerCase().replaceAll(' ', '_')).join(','))
    for (const row of rows)
      this.#line(columns.map((column) => quote(printable(String(column.value(row) ?? '')))).join(','))
  }
}

function cell(value: string | number | boolean | null): string {
  if (value === null || value === '') return '–'
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)
}

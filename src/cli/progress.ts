/** One line on standard error that says how far it is: redrawn on a screen, now and then elsewhere. */
import { cut, printable } from './terminal.ts'

export interface ProgressScreen {
  /** True when a line can be drawn again. */
  readonly live: boolean
  readonly columns: () => number
  write(text: string): void
}

/** At most ten times a second. */
const REDRAW_MS = 100
const PLAIN_LINE_MS = 5_000

export class ProgressLine {
  readonly #screen: ProgressScreen
  readonly #now: () => number
  #shown = ''
  #lastDrawn = ''
  #drawn = false
  #writtenAt = -Infinity
  #timer: NodeJS.Timeout | undefined

  constructor(screen: ProgressScreen, now: () => number = () => performance.now()) {
    this.#screen = screen
    this.#now = now
  }

  /** Shows `text` as soon as it is time to. */
  update(text: string): void {
    this.#shown = printable(text)
    if (this.#timer !== undefined) return
    const interval = this.#screen.live ? REDRAW_MS : PLAIN_LINE_MS
    const wait = this.#writtenAt + interval - this.#now()
    if (wait <= 0) this.#draw()
    else if (this.#screen.live) this.#timer = setTimeout(() => this.#draw(), wait).unref()
  }

  /** Writes a line that stays. */
  log(text: string): void {
    this.#clear()
    this.#screen.write(`${printable(text)}\n`)
    if (this.#screen.live && this.#shown !== '') this.#draw()
  }

  /** Ends; on a screen the line disappears, elsewhere the last state is written. */
  end(): void {
    clearTimeout(this.#timer)
    if (this.#screen.live) this.#clear()
    else if (this.#shown !== this.#lastDrawn) this.#draw()
    this.#shown = ''
    this.#lastDrawn = ''
  }

  #draw(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#writtenAt = this.#now()
    this.#lastDrawn = this.#shown
    if (!this.#screen.live) return this.#screen.write(`${this.#shown}\n`)
    this.#screen.write(`\r\u001B[2K${cut(this.#shown, this.#screen.columns() - 1)}`)
    this.#drawn = true
  }

  #clear(): void {
    if (this.#drawn) this.#screen.write('\r\u001B[2K')
    this.#drawn = false
  }
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** `███▌      `; @param share 0 to 1 */
export function bar(share: number, width = 20): string {
  const eighths = Math.floor(Math.min(Math.max(share, 0), 1) * width * 8)
  const text = '█'.repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8] ?? '')
  return text.padEnd(width)
}

/** What may reach a terminal. Text that comes from databases can hold anything, also orders to the terminal. */
import { stripVTControlCharacters, styleText } from 'node:util'

export interface Terminal {
  /** Colours on standard output. */
  readonly color: boolean
  /** Standard error is a screen on which a line can be drawn again. */
  readonly live: boolean
  /** A person sits there who can be asked. */
  readonly interactive: boolean
}

type Colour = 'red' | 'green' | 'yellow' | 'cyan' | 'dim' | 'bold'

/** Control characters, and the marks that turn the direction of writing around. */
// oxlint-disable-next-line no-control-regex
const UNSAFE = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069]/g

/** Text without anything that a terminal obeys; line ends and tabs stay. */
export function printable(text: string): string {
  return stripVTControlCharacters(text).replaceAll('\r\n', '\n').replaceAll(UNSAFE, '\uFFFD')
}

/** The same on one line. */
export function oneLine(text: string): string {
  return printable(text)
    .replaceAll(/\s*\n\s*/g, ' ')
    .replaceAll('\t', ' ')
}

/** JSON whose strings no terminal obeys: still the same JSON. */
export function printableJson(value: unknown, indent?: number): string {
  const text = JSON.stringify(value, undefined, indent) ?? 'null'
  return text.replaceAll(
    /[\u007F-\u009F\u200E\u200F\u2028-\u202E\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}

export function paint(terminal: Pick<Terminal, 'color'>, colour: Colour, text: string): string {
  return terminal.color ? styleText(colour, text, { validateStream: false }) : text
}

const WIDE =
  /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6]|\p{Emoji_Presentation}/u

/** Columns that the text takes on a screen. */
export function widthOf(text: string): number {
  let width = 0
  for (const character of stripVTControlCharacters(text)) {
    if (!/\p{M}/u.test(character)) width += WIDE.test(character) ? 2 : 1
  }
  return width
}

/** Cut so that it takes at most `width` columns. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let kept = ''
  let taken = 1
  for (const character of text) {
    taken += widthOf(character)
    if (taken > width) break
    kept += character
  }
  return `${kept}…`
}

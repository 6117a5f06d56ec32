/** A terminal's text as an SVG picture: `npm run demo 2>&1 | node scripts/docs/picture.ts > docs/images/demo.svg`. */
import { text } from 'node:stream/consumers'

const LINE = 17
const MARGIN = 16
const CHARACTER = 7.6
/** Wider, and nobody can read it where it is shown beside text. */
const COLUMNS = 104

// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001B\[[0-9;]*[A-Za-z]/g

function escapeXml(line: string): string {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

const lines = (await text(process.stdin))
  .replaceAll(ESCAPES, '')
  .split('\n')
  .map((line) => line.split('\r').at(-1) ?? '')
  .filter((line) => !line.startsWith('> '))
while (lines[0]?.trim() === '') lines.shift()
while (lines.at(-1)?.trim() === '') lines.pop()

/** As a terminal wraps, at a space where there is one. */
function wrapped(line: string): string[] {
  if (line.length <= COLUMNS) return [line]
  const space = line.lastIndexOf(' ', COLUMNS)
  const end = space > COLUMNS / 2 ? space : COLUMNS
  return [line.slice(0, end), ...wrapped(`    ${line.slice(end).trimStart()}`)]
}

const COLOURS: readonly (readonly [RegExp, string])[] = [
  [/^\d\. /, 'fill="#ffffff" font-weight="bold"'],
  [/completed|succeeded/, 'fill="#7ee787"'],
  [/failed|paused/, 'fill="#ffa198"'],
]

function colourOf(line: string): string {
  const [, colour] = COLOURS.find(([pattern]) => pattern.test(line)) ?? [undefined, '']
  return colour === '' ? '' : ` ${colour}`
}

const shown = lines.flatMap((line) => wrapped(line).map((part) => ({ part, colour: colourOf(line) })))
const width = Math.ceil(Math.max(...shown.map(({ part }) => part.length)) * CHARACTER) + 2 * MARGIN
const height = shown.length * LINE + 2 * MARGIN
const rows = shown.map(
  ({ part, colour }, index) =>
    `<text x="${MARGIN}" y="${MARGIN + (index + 1) * LINE - 4}" xml:space="preserve"${colour}>${escapeXml(part)}</text>`,
)
process.stdout
  .write(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<rect width="100%" height="100%" rx="8" fill="#14181f"/>
<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12.5" fill="#d7dde6">
${rows.join('\n')}
</g>
</svg>
`)

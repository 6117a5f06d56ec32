/** A terminal's text as an SVG picture: `npm run demo 2>&1 | node scripts/docs/picture.ts > docs/images/demo.svg`. */
import { text } from 'node:stream/consumers'

const LINE = 17
const MARGIN = 16
const CHARACTER = 7.6

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

const width = Math.ceil(Math.max(...lines.map((line) => line.length)) * CHARACTER) + 2 * MARGIN
const height = lines.length * LINE + 2 * MARGIN
const rows = lines.map(
  (line, index) =>
    `<text x="${MARGIN}" y="${MARGIN + (index + 1) * LINE - 4}" xml:space="preserve">${escapeXml(line)}</text>`,
)
process.stdout
  .write(`<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<rect width="100%" height="100%" rx="8" fill="#14181f"/>
<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="12.5" fill="#d7dde6">
${rows.join('\n')}
</g>
</svg>
`)

/** Differences as a person reads them: grouped by table or other outermost object, property by property. */
import { type Json } from '../snapshot/canonical.ts'
import { byCodePoint, idOf, indexObjects, type SchemaObject, type Snapshot } from '../snapshot/snapshot.ts'
import type { Altered, Change } from '../diff/diff.ts'
import { propertyDifferences, propertyText } from '../diff/property-text.ts'
import type { Style } from './style.ts'

const LONGEST_VALUE = 160
const LONGEST_SUMMARY = 100

interface Marked {
  readonly mark: '+' | '-' | '~'
  readonly colour: 'green' | 'red' | 'yellow'
}

const MARKS: Readonly<Record<Change['type'], Marked>> = {
  create: { mark: '+', colour: 'green' },
  drop: { mark: '-', colour: 'red' },
  alter: { mark: '~', colour: 'yellow' },
  rename: { mark: '~', colour: 'yellow' },
}

/** Lines; none for no changes. */
export function renderChanges(
  changes: readonly Change[],
  from: Snapshot,
  to: Snapshot,
  style: Style,
): string[] {
  const objects = new Map([...indexObjects(from), ...indexObjects(to)])
  const groups = Map.groupBy(changes, (change) => rootOf(objects, objectOf(change)))
  return [...groups]
    .toSorted(([a], [b]) => byCodePoint(a, b))
    .flatMap(([root, members]) => renderGroup(root, members, objects, style))
}

/** `3 created, 1 dropped, 2 altered` */
export function countChanges(changes: readonly Change[]): string {
  const words = { create: 'created', drop: 'dropped', alter: 'altered', rename: 'renamed' }
  return Object.entries(words)
    .map(([type, word]) => ({ word, count: changes.filter((change) => change.type === type).length }))
    .filter(({ count }) => count > 0)
    .map(({ word, count }) => `${count} ${word}`)
    .join(', ')
}

function objectOf(change: Change): SchemaObject {
  return change.type === 'drop' ? change.from : change.to
}

function rootOf(objects: ReadonlyMap<string, SchemaObject>, object: SchemaObject): string {
  let id = idOf(object)
  for (let at: SchemaObject | undefined = object; at?.parent != null; at = objects.get(at.parent)) {
    // A schema holds everything and would make one group of all.
    if (at.parent.startsWith('schema:') || at.parent.startsWith('database:')) break
    id = at.parent
  }
  return id
}

function renderGroup(
  root: string,
  changes: readonly Change[],
  objects: ReadonlyMap<string, SchemaObject>,
  style: Style,
): string[] {
  const own = changes.find(({ id }) => id === root)
  const parts = changes.filter((change) => change !== own)
  const title =
    own === undefined
      ? `  ${style.paint('bold', style.clean(titleOf(objects.get(root)) ?? root))}`
      : renderTitle(own, style)
  const lines = [title, ...(own?.type === 'alter' ? alterations(own, '      ', style) : [])]
  for (const part of parts) {
    lines.push(...renderPart(part, style))
  }
  return lines
}

function titleOf(object: SchemaObject | undefined): string | undefined {
  return object === undefined ? undefined : `${object.kind} ${object.name.join('.')}`
}

function renderTitle(change: Change, style: Style): string {
  const { mark, colour } = MARKS[change.type]
  const name = style.clean(titleOf(objectOf(change)) ?? change.id)
  const renamed = change.type === 'rename' ? ` (was ${style.clean(change.from.name.join('.'))})` : ''
  return style.paint(colour, `${mark} ${name}${renamed}`)
}

function renderPart(change: Change, style: Style): string[] {
  const { mark, colour } = MARKS[change.type]
  const object = objectOf(change)
  const name = style.clean(`${object.kind} ${object.name.at(-1) ?? ''}`)
  const renamed = change.type === 'rename' ? ` (was ${style.clean(change.from.name.at(-1) ?? '')})` : ''
  const head = `    ${style.paint(colour, `${mark} ${name}${renamed}`)}`
  if (change.type === 'alter') return [head, ...alterations(change, '        ', style)]
  if (change.type !== 'create') return [head]
  const summary = summaryOf(object)
  return [summary === '' ? head : `${head}  ${style.paint('dim', style.clean(summary))}`]
}

function alterations(change: Altered, indent: string, style: Style): string[] {
  const differences = change.properties.flatMap((name) =>
    name === 'parent'
      ? [{ name, from: change.from.parent, to: change.to.parent }]
      : propertyDifferences(name, change.from.properties[name], change.to.properties[name]),
  )
  return differences.flatMap(({ name, from, to }) => {
    const [a, b] = [valueText(from), valueText(to)]
    if (a.length + b.length <= LONGEST_SUMMARY && !`${a}${b}`.includes('\n'))
      return [`${indent}${name}: ${style.clean(a)} → ${style.clean(b)}`]
    return [
      `${indent}${name}:`,
      ...block('-', 'red', a, indent, style),
      ...block('+', 'green', b, indent, style),
    ]
  })
}

function block(mark: string, colour: 'red' | 'green', text: string, indent: string, style: Style): string[] {
  return style
    .clean(text)
    .split('\n')
    .map((line) => style.paint(colour, `${indent}  ${mark} ${line}`))
}

/** What was not there, or is null, is a dash. */
function valueText(value: Json | undefined): string {
  if (value === undefined || value === null) return '–'
  return value === '' ? "''" : propertyText(value)
}

/** What makes a new object out: its short properties that say something. */
function summaryOf(object: SchemaObject): string {
  const parts = Object.entries(object.properties).flatMap(([name, value]) => {
    const text = propertyText({ [name]: value }).replaceAll(/\s+/g, ' ')
    if (text === '') return []
    return [text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text]
  })
  const text = parts.join(', ')
  return text.length > LONGEST_SUMMARY ? `${text.slice(0, LONGEST_SUMMARY)}…` : text
}

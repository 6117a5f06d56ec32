/** Rows or values that nobody can bring back. */
import { lossOf } from '../../dialects/postgres/rules/types/type-loss.ts'
import type { Saying } from '../finding.ts'
import { changedColumns, isTruncation, nameOf, staying, type Watched } from '../watched.ts'

const KINDS: Readonly<Record<string, string>> = {
  r: 'The table',
  p: 'The table',
  m: 'The materialized view',
  S: 'The sequence',
}

export function dataLoss(watched: Watched): Saying[] {
  return [
    ...droppedRelations(watched),
    ...droppedColumns(watched),
    ...removedRows(watched),
    ...narrowed(watched),
  ]
}

function loss(rule: string, message: string, instead: string | null): Saying {
  return { rule, hazard: 'data-loss', level: 'error', message, instead }
}

function droppedRelations(watched: Watched): Saying[] {
  const { before, after, existing } = watched
  const gone = [...before.relations.values()].filter(
    ({ oid, kind }) => KINDS[kind] !== undefined && existing.has(oid) && !after.relations.has(oid),
  )
  return gone
    .filter(({ kind }) => kind !== 'S' || gone.every((one) => one.kind === 'S'))
    .map(({ kind, name }) =>
      loss(
        'dropped-table',
        `${KINDS[kind]} ${name} is removed with what it holds.`,
        'Rename it first and drop it in a later version, when nothing has missed it.',
      ),
    )
}

function droppedColumns(watched: Watched): Saying[] {
  const { before, after, existing } = watched
  return [...before.columns].flatMap(([key, { table, name }]) =>
    after.columns.has(key) || !existing.has(table) || !after.relations.has(table)
      ? []
      : [
          loss(
            'dropped-column',
            `The values of ${nameOf(watched, table)}.${name} are removed.`,
            'First release the application that does without it, then drop it in a version of its own.',
          ),
        ],
  )
}

function removedRows(watched: Watched): Saying[] {
  const [tag = ''] = watched.command.split(' ')
  if (isTruncation(watched)) {
    const emptied = staying(watched).filter(
      ({ before, after }) => before.kind === 'r' && before.file !== after.file,
    )
    return emptied.map(({ before }) =>
      loss(
        'removed-rows',
        `All rows of ${before.name} are removed.`,
        'Keep a copy of the rows that may be asked for.',
      ),
    )
  }
  if (tag !== 'DELETE') return []
  const touched = staying(watched).filter(
    ({ before, after }) =>
      'rp'.includes(before.kind) &&
      after.locks.includes('RowExclusiveLock') &&
      !before.locks.includes('RowExclusiveLock'),
  )
  const names = touched.map(({ before }) => before.name).join(', ')
  return names === ''
    ? []
    : [
        loss(
          'removed-rows',
          `Rows of ${names} are removed.`,
          'Keep a copy of the rows that may be asked for.',
        ),
      ]
}

/** How the statement casts is not looked at; types of the schema's own are taken to refuse what they do not hold. */
const BY_HAND = { written: false, isEnum: (type: string): boolean => type.includes('.') }

function narrowed(watched: Watched): Saying[] {
  return changedColumns(watched).flatMap(({ before, after }) => {
    const why = before.type === after.type ? undefined : lossOf(before.type, after.type, BY_HAND)
    if (why === undefined) return []
    const message = `${nameOf(watched, before.table)}.${before.name}: ${why}`
    return [loss('narrowed-type', message, 'Add a column of the new type beside it, fill it, and compare.')]
  })
}

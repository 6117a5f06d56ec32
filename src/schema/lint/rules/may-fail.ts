/** What depends on the rows of a tenant: it may work on a hundred and fail on one. */
import type { Constraint } from '../books.ts'
import type { Saying } from '../finding.ts'
import {
  changedColumns,
  nameOf,
  newColumns,
  newIndexes,
  validatedConstraints,
  type Watched,
} from '../watched.ts'

const FAILS: Readonly<Record<string, string>> = {
  c: 'a row does not pass',
  f: 'a row refers to one that is not there',
  p: 'rows are doubled or have no value',
  u: 'rows are doubled',
  x: 'rows exclude each other',
}

export function mayFail(watched: Watched): Saying[] {
  return [...constraints(watched), ...columns(watched), ...types(watched)]
}

function saying(rule: string, message: string, instead: string | null): Saying {
  return { rule, hazard: 'may-fail', level: 'warning', message, instead }
}

function constraints(watched: Watched): Saying[] {
  const all = validatedConstraints(watched).filter(({ type }) => FAILS[type] !== undefined)
  const named = new Set(all.map(({ name }) => name))
  const unique = newIndexes(watched).filter(
    ({ name }) => /^create\s+unique\b/i.test(watched.sql) && !named.has(name.slice(name.indexOf('.') + 1)),
  )
  return [
    ...all.map((one: Constraint) =>
      saying(
        'may-fail',
        `It fails on every tenant where, by ${one.name} on ${nameOf(watched, one.table)}, ${FAILS[one.type]}.`,
        'A dry run finds these tenants before: tenantry rollout start … --dry-run.',
      ),
    ),
    ...unique.map(({ table }) =>
      saying(
        'may-fail',
        `It fails on every tenant where rows of ${nameOf(watched, table ?? '')} are doubled.`,
        'A dry run finds these tenants before: tenantry rollout start … --dry-run.',
      ),
    ),
  ]
}

function columns(watched: Watched): Saying[] {
  const strict = changedColumns(watched).filter(({ before, after }) => after.notNull && !before.notNull)
  const required = newColumns(watched).filter(({ notNull, hasDefault }) => notNull && !hasDefault)
  return [
    ...strict.map(({ after }) =>
      saying(
        'may-fail',
        `It fails on every tenant where ${nameOf(watched, after.table)}.${after.name} is NULL in a row.`,
        'Fill the gaps in a version before it.',
      ),
    ),
    ...required.map(({ table, name }) =>
      saying(
        'required-column',
        `${nameOf(watched, table)}.${name} is NOT NULL and has no default: it fails on every tenant whose table has rows.`,
        'Add it with a default, or let it be NULL until it is filled.',
      ),
    ),
  ]
}

/** Whatever a column of the first type holds, one of the second can hold. */
const WIDER: Readonly<Record<string, readonly string[]>> = {
  smallint: ['integer', 'bigint', 'numeric', 'text'],
  integer: ['bigint', 'numeric', 'text'],
  bigint: ['numeric', 'text'],
  real: ['double precision', 'text'],
  uuid: ['text'],
  jsonb: ['text'],
}

function types(watched: Watched): Saying[] {
  return changedColumns(watched)
    .filter(({ before, after }) => before.type !== after.type && isCopied(watched, before.table))
    .filter(({ before, after }) => WIDER[before.type]?.includes(after.type) !== true)
    .map(({ before, after }) =>
      saying(
        'may-fail',
        `It fails on every tenant where a value of ${nameOf(watched, before.table)}.${before.name} is no ${after.type}.`,
        null,
      ),
    )
}

/** Every value was looked at. */
function isCopied({ before, after }: Watched, table: string): boolean {
  return before.relations.get(table)?.file !== after.relations.get(table)?.file
}

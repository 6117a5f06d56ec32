/** Reads the schema of one database: what there is in one message, then the definitions in one or a few more. */
import { DatabaseFailure } from '../../../../engine/failure.ts'
import { TenantryError } from '../../../../lib/errors.ts'
import {
  makeSnapshot,
  type SchemaObject,
  type Snapshot,
  type Unmodelled,
} from '../../../snapshot/snapshot.ts'
import type { SchemaSession } from '../../dialect.ts'
import { definitionsOf, readCatalogue, type Catalogue, type Definition } from './catalogue.ts'
import {
  databaseObject,
  namesOf,
  routineObject,
  sequenceObject,
  triggerObjects,
  unmodelledOf,
  viewObject,
} from './others.ts'
import { readTable, tableObjects } from './tables.ts'
import { withoutDatabase } from '../text/tokens.ts'

const ATTEMPTS = 5
/** No such table, view or routine, trigger, event: it went away between its name and its definition. */
const GONE = ['42S02', '42000', 'HY000']

export async function inspect(session: SchemaSession): Promise<Snapshot> {
  return await atOneMoment(session, (catalogue) => snapshotOf(session, catalogue))
}

/**
 * The server has no snapshot of its catalogue: when the schema changes while it is read, it is read again.
 * @throws TenantryError `conflict` when it does not stop changing
 */
export async function atOneMoment<T>(
  session: SchemaSession,
  read: (catalogue: Catalogue) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const catalogue = await readCatalogue(session)
    const result = await attempted(session, catalogue, read)
    if (result !== undefined && sameMoment(catalogue, await readCatalogue(session))) return result.value
  }
  throw new TenantryError('conflict', `The schema of ${session.label} changes while it is read.`, {
    nextSteps: ['Try again when the change that is running has ended.'],
    retryable: true,
  })
}

async function attempted<T>(
  session: SchemaSession,
  catalogue: Catalogue,
  read: (catalogue: Catalogue) => Promise<T>,
): Promise<{ readonly value: T } | undefined> {
  try {
    return { value: await read(catalogue) }
  } catch (thrown) {
    const gone = thrown instanceof DatabaseFailure && GONE.includes(thrown.sqlstate)
    if (!gone || sameMoment(catalogue, await readCatalogue(session))) throw thrown
    return undefined
  }
}

/** Whether nothing was made, dropped or altered in between. */
function sameMoment(a: Catalogue, b: Catalogue): boolean {
  const momentOf = (catalogue: Catalogue): string =>
    JSON.stringify([
      catalogue.tables.map(({ name, kind, made }) => [name, kind, made]),
      [...catalogue.views],
      catalogue.triggers,
      catalogue.routines,
      catalogue.events,
    ])
  return momentOf(a) === momentOf(b)
}

interface Wanted {
  readonly kind: string
  readonly name: string
}

/** Everything that has a definition. */
export function wantedOf(catalogue: Catalogue): Wanted[] {
  return [
    ...catalogue.tables,
    ...catalogue.triggers.map(({ name }) => ({ kind: 'trigger', name })),
    ...catalogue.routines,
    ...catalogue.events.map((name) => ({ kind: 'event', name })),
  ].map(({ kind, name }) => ({ kind, name }))
}

async function snapshotOf(session: SchemaSession, catalogue: Catalogue): Promise<Snapshot> {
  const wanted = wantedOf(catalogue)
  const definitions = await definitionsOf(session, wanted)
  const found = wanted.map((one, at) => ({ ...one, ...(definitions[at] as Definition) }))
  const readable = found.filter((one): one is Found => one.text !== null)
  const hidden = found.filter((one) => one.text === null)
  const names = namesOf(catalogue)
  const tables = tableObjects(
    readable
      .filter(({ kind }) => kind === 'table')
      .map(({ name, text }) => {
        const row = catalogue.tables.find((one) => one.name === name)
        if (row === undefined) throw new Error(`no row for ${name}`)
        return readTable(
          withoutDatabase(text, names.database, (other) => names.all.has(other)),
          row,
          catalogue,
        )
      }),
    names.sequences,
  )
  const objects: SchemaObject[] = [
    databaseObject(catalogue),
    ...tables.objects,
    ...others(catalogue, readable),
  ]
  return makeSnapshot('mysql', catalogue.version, objects, [
    ...tables.unmodelled,
    ...readable.filter(({ text }) => text.includes('\uFFFD')).map(undecodable),
    ...unmodelledOf(catalogue, hidden),
  ])
}

/** e.g. the default of a binary column. */
function undecodable({ kind, name }: Wanted): Unmodelled {
  const detail = 'its definition holds bytes that are not text; they are neither compared nor written right'
  return { kind, name, detail }
}

type Found = Wanted & Definition & { readonly text: string }

function others(catalogue: Catalogue, readable: readonly Found[]): SchemaObject[] {
  const names = namesOf(catalogue)
  const triggers = readable.filter(({ kind }) => kind === 'trigger')
  const objects = triggerObjects(catalogue, names, new Map(triggers.map((one) => [one.name, one])))
  for (const one of readable) {
    if (one.kind === 'sequence') objects.push(sequenceObject(one.name, one.text))
    else if (one.kind === 'view') {
      objects.push(viewObject(one.name, one.text, catalogue.views.get(one.name) ?? '', names))
    } else if (one.kind !== 'table' && one.kind !== 'trigger') {
      objects.push(routineObject(one.kind, one.name, one, names))
    }
  }
  return objects
}

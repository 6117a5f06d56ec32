/** Everything beside tables: views, triggers, routines, events, sequences, the database itself. */
import { objectId, type SchemaObject, type Unmodelled } from '../../../snapshot/snapshot.ts'
import { tokensOf, unquoted, withoutDatabase } from '../text/tokens.ts'
import type { Catalogue, Definition, RoutineKind } from './catalogue.ts'

export function databaseObject({ charset, collation }: Catalogue): SchemaObject {
  return {
    kind: 'database',
    name: ['database'],
    parent: null,
    properties: { charset, collation },
    dependsOn: [],
  }
}

export function sequenceObject(name: string, text: string): SchemaObject {
  const tokens = tokensOf(text)
  const at = tokens.findIndex((token) => token.kind === 'name')
  return {
    kind: 'sequence',
    name: [name],
    parent: null,
    properties: { definition: text.slice(tokens[at + 1]?.start ?? text.length) },
    dependsOn: [],
  }
}

export interface Names {
  readonly database: string
  readonly tables: ReadonlySet<string>
  readonly views: ReadonlySet<string>
  readonly sequences: ReadonlySet<string>
  readonly functions: ReadonlySet<string>
  readonly libraries: ReadonlySet<string>
  readonly all: ReadonlySet<string>
}

export function namesOf(catalogue: Catalogue): Names {
  const named = (kind: string): Set<string> =>
    new Set(catalogue.tables.filter((row) => row.kind === kind).map((row) => row.name))
  const routines = (kind: RoutineKind): Set<string> =>
    new Set(catalogue.routines.filter((one) => one.kind === kind).map((one) => one.name))
  return {
    database: catalogue.database,
    tables: named('table'),
    views: named('view'),
    sequences: named('sequence'),
    functions: routines('function'),
    libraries: routines('library'),
    all: new Set([
      ...catalogue.tables.map((row) => row.name),
      ...catalogue.routines.map((one) => one.name),
      ...catalogue.triggers.map((one) => one.name),
      ...catalogue.events,
    ]),
  }
}

/** @param qualified the canonical text in which every name is qualified: what the view depends on */
export function viewObject(name: string, text: string, qualified: string, names: Names): SchemaObject {
  const own = withoutDatabase(text, names.database, (other) => names.all.has(other))
  const tokens = tokensOf(own)
  const view = tokens.findIndex((token) => token.text.toUpperCase() === 'VIEW')
  const header = own.slice(0, tokens[view]?.start)
  const form = /\bMATERIALIZED\b|\bJSON RELATIONAL DUALITY\b/i.exec(header.replaceAll(/`[^`]*`/g, ''))?.[0]
  return {
    kind: 'view',
    name: [name],
    parent: null,
    properties: {
      algorithm: /\bALGORITHM=(\w+)/i.exec(header)?.[1] ?? 'UNDEFINED',
      definer: /\bDEFINER=(.*?) SQL SECURITY/is.exec(header)?.[1] ?? '',
      security: /\bSQL SECURITY (\w+) (?:JSON RELATIONAL DUALITY )?$/i.exec(header)?.[1] ?? 'DEFINER',
      ...(form === undefined ? {} : { form }),
      // The name may be in backticks or not; AS comes right after it, or after a list of columns.
      definition: saidOnce(own.slice(tokens[view + 2]?.start)),
    },
    dependsOn: usedBy(qualified, names).filter((id) => id !== objectId('view', name)),
  }
}

/** MySQL adds a condition of its own below INTERSECT and EXCEPT, and again each time its text is made a view. */
function saidOnce(definition: string): string {
  return / (?:intersect|except) /i.test(definition)
    ? definition.replaceAll(/(\((?:[^()]|\([^()]*\))* is not null\))(?: and \1)+/g, '$1')
    : definition
}

function usedBy(qualified: string, names: Names): string[] {
  const tokens = tokensOf(qualified)
  const used = new Set<string>()
  for (const [at, token] of tokens.entries()) {
    if (token.kind !== 'name') continue
    const name = unquoted(token.text)
    const [before, prefix] = [tokens[at - 1], tokens[at - 2]]
    const inDatabase =
      before?.text === '.' && prefix !== undefined && unquoted(prefix.text) === names.database
    if (inDatabase && names.tables.has(name)) used.add(objectId('table', name))
    if (inDatabase && names.views.has(name)) used.add(objectId('view', name))
    if (inDatabase && names.sequences.has(name)) used.add(objectId('sequence', name))
    if (tokens[at + 1]?.text === '(' && names.functions.has(name)) used.add(objectId('function', name))
  }
  return [...used].toSorted()
}

/** `CREATE DEFINER=… TRIGGER t …` in two: who, and what. */
function withoutDefiner(text: string): { definer: string; definition: string } {
  const tokens = tokensOf(text)
  if (tokens[1]?.text.toUpperCase() !== 'DEFINER')
    return { definer: '', definition: text.slice(tokens[1]?.start) }
  const end = tokens[4]?.text === '@' ? 6 : 4
  return {
    definer: text.slice(tokens[3]?.start, tokens[end - 1]?.end),
    definition: text.slice(tokens[end]?.start),
  }
}

export function triggerObjects(
  catalogue: Catalogue,
  names: Names,
  definitions: ReadonlyMap<string, Definition & { readonly text: string }>,
): SchemaObject[] {
  const ordered = catalogue.triggers.toSorted((a, b) => a.order - b.order)
  return ordered.flatMap((trigger): SchemaObject[] => {
    const found = definitions.get(trigger.name)
    if (found === undefined) return []
    const before = ordered.findLast(
      (other) => other.table === trigger.table && other.when === trigger.when && other.order < trigger.order,
    )
    return [
      {
        kind: 'trigger',
        name: [trigger.table, trigger.name],
        parent: objectId('table', trigger.table),
        properties: {
          ...bodyOf(found, names),
          when: trigger.when,
          ...(before === undefined ? {} : { follows: before.name }),
        },
        dependsOn: before === undefined ? [] : [objectId('trigger', trigger.table, before.name)],
      },
    ]
  })
}

export function routineObject(
  kind: string,
  name: string,
  found: Definition & { readonly text: string },
  names: Names,
): SchemaObject {
  return {
    kind: kind.replace(' ', '_'),
    name: [name],
    parent: null,
    properties: {
      ...bodyOf(found, names),
      ...(kind === 'event' ? { timeZone: found.timeZone } : {}),
    },
    dependsOn: needsOf(kind, name, found.text, names),
  }
}

/** A package's body needs the package, a routine in JavaScript the libraries that it names before its body. */
function needsOf(kind: string, name: string, definition: string, names: Names): string[] {
  if (kind === 'package body') return [objectId('package', name)]
  const used = /\n\s*USING \(([^)]*)\)\nAS /.exec(definition)?.[1]
  if (used === undefined || (kind !== 'function' && kind !== 'procedure')) return []
  return tokensOf(used)
    .map((token) => unquoted(token.text))
    .filter((one) => names.libraries.has(one))
    .map((one) => objectId('library', one))
    .toSorted()
}

function bodyOf(
  found: Definition & { readonly text: string },
  names: Names,
): { definer: string; definition: string; sqlMode: string } {
  const { definer, definition } = withoutDefiner(found.text)
  return {
    definer,
    definition: withoutDatabase(definition, names.database, (name) => names.all.has(name)),
    sqlMode: found.sqlMode,
  }
}

export function unmodelledOf(
  catalogue: Catalogue,
  hidden: readonly { kind: string; name: string }[],
): Unmodelled[] {
  const unmodelled = hidden.map(({ kind, name }) => ({
    kind,
    name,
    detail: `the definition is hidden from the user who inspects; grant SELECT on mysql.* or SHOW CREATE ROUTINE`,
  }))
  for (const option of catalogue.options) {
    unmodelled.push({ kind: 'database option', name: 'database', detail: `${option} is not compared` })
  }
  if (catalogue.grantees.length === 0) return unmodelled
  const detail = `privileges in this database are held by ${catalogue.grantees.join(', ')}; they are not compared`
  return [...unmodelled, { kind: 'grants', name: 'database', detail }]
}

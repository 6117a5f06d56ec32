/** One hash for the schema of a database, of its definitions as the server writes them: nothing is parsed for it. */
import { hashOf, type Json } from '../../snapshot/canonical.ts'
import { byCodePoint } from '../../snapshot/snapshot.ts'
import type { SchemaSession } from '../dialect.ts'
import { definitionsOf, type Catalogue, type Definition } from './inspect/catalogue.ts'
import { atOneMoment, wantedOf } from './inspect/index.ts'
import { namesOf } from './inspect/others.ts'
import { withoutDatabase } from './text/tokens.ts'

/**
 * From the definitions themselves: information_schema does not show all of them (options of sequences, an index's
 * USING), and opens every table just like SHOW CREATE does. A snapshot is made of nothing but what is hashed here,
 * so equal fingerprints are equal snapshots; one snapshot can have several fingerprints.
 */
export async function catalogueFingerprint(session: SchemaSession): Promise<string> {
  return await atOneMoment(session, async (catalogue) => {
    const wanted = wantedOf(catalogue)
    const definitions = await definitionsOf(session, wanted)
    const names = namesOf(catalogue)
    const texts = wanted.map(({ kind, name }, at): Json => {
      const { text, sqlMode, timeZone } = definitions[at] as Definition
      const own =
        text === null ? null : withoutDatabase(text, names.database, (other) => names.all.has(other))
      return [kind, name, own === null || kind !== 'table' ? own : withoutNextValue(own), sqlMode, timeZone]
    })
    return hashOf([catalogue.charset, catalogue.collation, aroundDefinitions(catalogue), ...texts])
  })
}

/** What a snapshot takes from the catalogue beside the definitions: collations, the order of triggers. */
function aroundDefinitions({ tables, triggers }: Catalogue): Json {
  const order = triggers
    .map(({ name, table, when, order: place }) => ({ name, key: `${table} ${when}`, place }))
    .toSorted((a, b) => byCodePoint(a.key, b.key) || a.place - b.place)
  return [
    tables.map(({ name, kind, collation }) => [name, kind, collation]),
    order.map(({ name, key }) => [key, name]),
  ]
}

/** Without the table option that says which number comes next: it is of the data. What is quoted stays as it is. */
function withoutNextValue(text: string): string {
  if (!text.includes(' AUTO_INCREMENT=')) return text
  return text.replaceAll(
    /'(?:[^'\\]|\\[\s\S]|'')*'|"(?:[^"\\]|\\[\s\S]|"")*"|`(?:[^`]|``)*`| AUTO_INCREMENT=\d+/gu,
    (found) => (found.startsWith(' ') ? '' : found),
  )
}

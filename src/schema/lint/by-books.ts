/** PostgreSQL: what its books tell of each statement of a version. */
import { lockWords, stoppingLock, type Books } from './books.ts'
import type { LintInput, Origin, Rehearsed, Tried } from './finding.ts'
import type { RehearsalPlace } from './rehearse.ts'
import { RULES } from './rules/index.ts'
import { isRewritten, staying, type Watched } from './watched.ts'

export async function originOfBooks(place: RehearsalPlace): Promise<Origin> {
  return { schema: await place.inspect(), books: await place.books() }
}

export async function tryByBooks(
  place: RehearsalPlace,
  text: Pick<LintInput, 'sql' | 'firstLine'>,
  origin?: Origin,
): Promise<Tried> {
  const books = origin?.books
  const { watched, failure, leftOut } = await place.run(text, books)
  const statements = watched.map(({ statement }) => statement)
  return {
    told: watched.flatMap((one) => {
      const { statement, line } = one
      const seen = books === undefined ? one : withoutNews(one, books)
      return RULES.flatMap((rule) => rule(seen)).map((saying) => ({ saying, statement, line }))
    }),
    failure,
    leftOut,
    rehearsed: watched.map(factsOf),
    statements: failure === undefined ? statements : [...statements, failure.statement],
    last: watched.at(-1),
  }
}

/** What the version itself has made is no loss when it is taken back. */
function withoutNews(watched: Watched, origin: Books): Watched {
  const columns = new Map([...watched.before.columns].filter(([key]) => origin.columns.has(key)))
  return { ...watched, before: { ...watched.before, columns } }
}

function factsOf(watched: Watched): Rehearsed {
  const relations = staying(watched).filter(
    ({ before }) => 'rpm'.includes(before.kind) && before.root === null,
  )
  return {
    statement: watched.statement,
    line: watched.line,
    inTransaction: watched.inTransaction,
    locks: relations.flatMap(({ before, after }) => {
      const mode = stoppingLock(after)
      return mode === undefined || mode === stoppingLock(before)
        ? []
        : [{ relation: after.name, mode: lockWords(mode) }]
    }),
    rewritten: relations.filter(isRewritten).map(({ after }) => after.name),
  }
}

/** Lists that come in pages. */
import type { Cli } from './cli.ts'
import type { View } from './output.ts'

interface Page<Row> {
  readonly items: readonly Row[]
  readonly next_cursor: string | null
}

/** Sizes of pages that are asked for: the API gives no more. */
const LARGEST_PAGE = 500

/**
 * Gathers up to `limit` rows (0: all of them).
 * @returns the rows, and whether there are more.
 */
export async function gather<Row>(
  limit: number,
  ask: (page: { limit: number; cursor?: string }) => Promise<Page<Row>>,
): Promise<{ rows: Row[]; more: boolean }> {
  const wanted = limit === 0 ? Infinity : limit
  const rows: Row[] = []
  let cursor: string | null = null
  do {
    const page: Page<Row> = await ask({
      limit: Math.min(wanted - rows.length, LARGEST_PAGE),
      ...(cursor === null ? {} : { cursor }),
    })
    rows.push(...page.items)
    cursor = page.next_cursor
  } while (cursor !== null && rows.length < wanted)
  return { rows, more: cursor !== null }
}

/** Prints what `gather` found. */
export async function printPages<Row>(
  cli: Cli,
  limit: number,
  view: View<Row>,
  ask: (page: { limit: number; cursor?: string }) => Promise<Page<Row>>,
  empty: string,
): Promise<void> {
  const { rows, more } = await gather(limit, ask)
  cli.output.list(rows, view, { empty })
  if (more) cli.output.say(`There are more: --limit 0 for all.`)
}

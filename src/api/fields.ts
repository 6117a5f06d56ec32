/** Schemas that many endpoints share. */
import { z } from 'zod'

/** A moment: `Date` or RFC 3339 text from the database, RFC 3339 in UTC to the asker. */
export const timestamp = z
  .union([z.date(), z.iso.datetime()])
  .transform((value) => (value instanceof Date ? value.toISOString() : value))
  .pipe(z.iso.datetime())

/** A whole number in a query string or path. */
export function integerText(range: { min: number; max: number }): z.ZodType<number, number | string> {
  return fromText(/^-?\d{1,15}$/, Number, z.int().min(range.min).max(range.max)) as z.ZodType<
    number,
    number | string
  >
}

/** `true` or `false` in a query string. */
export const booleanText = fromText(/^(true|false)$/, (text) => text === 'true', z.boolean()) as z.ZodType<
  boolean,
  boolean | string
>

function fromText(pattern: RegExp, convert: (text: string) => unknown, schema: z.ZodType): z.ZodType {
  return z.preprocess(
    (value) => (typeof value === 'string' && pattern.test(value) ? convert(value) : value),
    schema,
  )
}

const LARGEST_PAGE = 500

/** Page size. One that is too large is lowered instead of refused. */
export function pageLimit(
  standard = 50,
  largest = LARGEST_PAGE,
): z.ZodDefault<z.ZodType<number, number | string>> {
  const clamped = fromText(
    /^-?\d{1,15}$/,
    (text) => Math.min(Number(text), largest),
    z.int().min(1).max(largest),
  )
  return (clamped as z.ZodType<number, number | string>)
    .default(standard)
    .describe(`How many at most; more than ${largest} counts as ${largest}. A page may hold fewer.`)
}

export const cursorText = z
  .string()
  .min(1)
  .max(2000)
  .optional()
  .describe('`next_cursor` of the page before. The filters must be the same as there.')

/** One page of a list. */
export function pageOf<Item extends z.ZodType>(item: Item): PageSchema<Item> {
  return z.object({
    items: z.array(item),
    next_cursor: z
      .string()
      .nullable()
      .describe('Ask with it for the next page; null: this was the last one.'),
  })
}

type PageSchema<Item extends z.ZodType> = z.ZodObject<{
  items: z.ZodArray<Item>
  next_cursor: z.ZodNullable<z.ZodString>
}>

/** Free-form data of the database, passed on as it is. */
export const anyObject = z.record(z.string(), z.unknown())

/** What is said of a name that is none. @param others which characters it may have besides letters and digits */
export function nameSaid(example: string, others: string, longest: number): string {
  return `It begins with a lower-case letter, then lower-case letters, digits, ${others}, up to ${longest} characters, e.g. ${example}.`
}

/** The reason that a person gives for a change; kept in the audit log. */
export const reasonText = z.string().min(1).max(500).optional().describe('Why; kept in the audit log.')

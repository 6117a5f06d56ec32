/** Values from JSON Schema, for trying an API with what it asks for and with what it does not. */
import fc from 'fast-check'

// oxlint-disable-next-line typescript/no-explicit-any
export type JsonSchema = any

const HOSTILE_TEXT = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\ud800',
  '\u001b[31m',
  '\u2028',
  "'",
  '"',
  '`',
  '\\',
  '--',
  "' or 1=1 --",
  '$$',
  '${x}',
  '%',
  '%00',
  '../../etc/passwd',
  '..%2f',
  '/',
  '<script>',
  '__proto__',
  'constructor',
  'host=evil dbname=x',
  'postgres://evil/x',
  '-option',
  'null',
  'undefined',
  'NaN',
  '1e999',
  'Infinity',
  '1.5',
  '-1',
  '9223372036854775808',
  '0x10',
  'ä'.repeat(70),
  'x'.repeat(5000),
  '\r\nX: y',
]

/** Anything that JSON can say, hostile text included. */
export const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...HOSTILE_TEXT),
  fc.constantFrom(null, true, 0, -1, 1.5, 1e308, -0, Number.MAX_SAFE_INTEGER, 2 ** 31, [], {}, [[]], [null], {
    a: { b: {} },
  }),
  fc.jsonValue({ maxDepth: 3 }),
)

/** Valid values of `schema`, as far as JSON Schema says what is valid. */
function valuesOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema === true || Object.keys(schema).length === 0) return fc.jsonValue({ maxDepth: 2 })
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return fc.oneof(...choices.map(valuesOf))
  if (Array.isArray(schema.type))
    return fc.oneof(...schema.type.map((type: string) => valuesOf({ ...schema, type })))
  const make = BY_TYPE[schema.type]
  if (make === undefined) throw new Error(`no values for ${JSON.stringify(schema)}`)
  return make(schema)
}

const BY_TYPE: Readonly<Record<string, (schema: JsonSchema) => fc.Arbitrary<unknown>>> = {
  null: () => fc.constant(null),
  boolean: () => fc.boolean(),
  integer: ({ minimum = -1000, maximum = 1000 }) =>
    fc.integer({ min: Math.max(minimum, -(2 ** 31)), max: Math.min(maximum, 2 ** 31 - 1) }),
  number: ({ minimum = -1000, maximum = 1000 }) => fc.double({ min: minimum, max: maximum, noNaN: true }),
  string: textOf,
  array: ({ items = {}, minItems = 0, maxItems = 4 }) =>
    fc.array(valuesOf(items), { minLength: minItems, maxLength: Math.min(maxItems, 4) }),
  object: objectsOf,
}

function textOf(schema: JsonSchema): fc.Arbitrary<string> {
  if (schema.format === 'uuid') return fc.uuid()
  if (schema.format === 'date-time') return fc.date({ noInvalidDate: true }).map((date) => date.toISOString())
  if (schema.pattern !== undefined) return fc.stringMatching(new RegExp(schema.pattern))
  const bounds = { minLength: schema.minLength ?? 0, maxLength: Math.min(schema.maxLength ?? 30, 30) }
  return fc.oneof(
    fc.string({ ...bounds, unit: 'grapheme-ascii' }),
    fc.string({ ...bounds, unit: 'grapheme' }),
  )
}

function objectsOf(schema: JsonSchema): fc.Arbitrary<Record<string, unknown>> {
  const properties = Object.entries(schema.properties ?? {})
  const required = new Set<string>(schema.required ?? [])
  const named = fc.record(Object.fromEntries(properties.map(([name, inner]) => [name, valuesOf(inner)])), {
    requiredKeys: [...required],
  } as { requiredKeys: [] })
  if (schema.additionalProperties === undefined || schema.additionalProperties === false) return named
  const others = fc.dictionary(textOf(schema.propertyNames ?? {}), valuesOf(schema.additionalProperties), {
    maxKeys: 3,
  })
  return fc.tuple(others, named).map(([other, own]) => ({ ...other, ...own }))
}

/** Three valid values to one that is junk, as a whole or in one field. */
export function mostlyValid(schema: JsonSchema): fc.Arbitrary<unknown> {
  const valid = valuesOf(schema)
  return fc.oneof({ arbitrary: valid, weight: 3 }, { arbitrary: spoilt(valid), weight: 1 })
}

function spoilt(valid: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.tuple(valid, junk, fc.nat(), fc.boolean()).map(([value, bad, place, whole]) => {
    if (whole || value === null || typeof value !== 'object' || Array.isArray(value)) return bad
    const names = [...Object.keys(value), 'no_such_field']
    return { ...value, [names[place % names.length] ?? 'x']: bad }
  })
}

/** JSON Schema from zod schemas, with named schemas gathered in one place. */
import { z } from 'zod'
import { canonicalJson } from '../lib/canonical-json.ts'

export type JsonSchema = Record<string, unknown>
type Direction = 'input' | 'output'

/** Collects the schemas that have a name (`.meta({ id })`) and gives references to them. */
export class SchemaBook {
  readonly schemas: Record<string, JsonSchema> = {}

  /** What is answered. Describe all of it before the first `input`. @throws Error when one name has two meanings. */
  output(schema: z.ZodType): JsonSchema {
    return this.#describe(schema, 'output')
  }

  /** What is sent in. A named schema that looks different there gets the suffix `Input`. */
  input(schema: z.ZodType): JsonSchema {
    return this.#describe(schema, 'input')
  }

  #describe(schema: z.ZodType, io: Direction): JsonSchema {
    const {
      $schema: _dialect,
      $defs = {},
      ...json
    } = z.toJSONSchema(schema, {
      io,
      unrepresentable: 'any',
      override: ({ jsonSchema }) => readable(jsonSchema, io),
    }) as JsonSchema & { $defs?: Record<string, JsonSchema> }
    const names = new Map<string, string>()
    for (const [name, definition] of Object.entries($defs))
      names.set(name, this.#nameFor(name, definition, io))
    for (const [name, definition] of Object.entries($defs)) {
      this.schemas[names.get(name) ?? name] = pointed(definition, names)
    }
    return pointed(json, names)
  }

  #nameFor(name: string, definition: JsonSchema, io: Direction): string {
    const known = this.schemas[name]
    if (known === undefined || canonicalJson(known) === canonicalJson(pointed(definition, new Map())))
      return name
    if (io === 'input') return `${name}Input`
    throw new Error(`two schemas are named ${name}`)
  }
}

/** Patterns that only spell a format out, and limits of the number type, tell a reader nothing. */
function readable(json: z.core.JSONSchema.BaseSchema, io: Direction): void {
  if (json.format !== undefined && ['date-time', 'uuid', 'uri'].includes(json.format)) delete json.pattern
  if (json.type === 'integer' && json.maximum === Number.MAX_SAFE_INTEGER) delete json.maximum
  if (json.type === 'integer' && json.minimum === Number.MIN_SAFE_INTEGER) delete json.minimum
  // A later version may answer more fields: clients must not refuse them.
  if (io === 'output' && json.additionalProperties === false) delete json.additionalProperties
}

function pointed(json: JsonSchema, names: ReadonlyMap<string, string>): JsonSchema {
  return JSON.parse(JSON.stringify(json), (key, value: unknown) => {
    if (key !== '$ref' || typeof value !== 'string') return value
    const name = value.replace('#/$defs/', '')
    return `#/components/schemas/${names.get(name) ?? name}`
  }) as JsonSchema
}

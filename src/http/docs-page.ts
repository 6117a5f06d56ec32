/** The API as a page to read: rendered here from the table of endpoints, without scripts or anything from elsewhere. */
import { createHash } from 'node:crypto'
import type { AnyEndpoint } from '../api/endpoint.ts'
import { SCOPES } from '../api/scopes.ts'
import { ERROR_CODES } from '../lib/error-codes.ts'
import type { JsonSchema } from './json-schema.ts'
import type { OpenApi } from './openapi.ts'

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 6%, transparent) }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 17rem minmax(0, 52rem); gap: 2.5rem; padding: 0 1.5rem }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 0; font-size: .875rem }
nav a { display: block; padding: .15rem 0; text-decoration: none; color: inherit; overflow-wrap: anywhere }
nav a:hover, nav a:focus { text-decoration: underline }
main { padding: 1.5rem 0 6rem }
h2 { margin-top: 3rem; border-bottom: 1px solid var(--line) }
h3 { margin: 2.5rem 0 .5rem; font-size: 1.1rem }
code, pre { font: .875em/1.5 ui-monospace, monospace }
pre { background: var(--soft); padding: .75rem 1rem; overflow: auto; border-radius: .4rem; max-height: 24rem }
table { border-collapse: collapse; width: 100%; font-size: .925rem; margin: .75rem 0 }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); overflow-wrap: anywhere }
.method { display: inline-block; min-width: 4.2em; font-weight: 700 }
.scope { font-size: .85rem; opacity: .75 }
details { margin: .5rem 0 } summary { cursor: pointer }
@media (max-width: 60rem) { body { display: block } nav { position: static; height: auto } }
`

/** Allows this one style sheet and nothing else. */
export const DOCS_CSP = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

export function docsPage(endpoints: readonly AnyEndpoint[], document: OpenApi): string {
  const groups = [...Map.groupBy(endpoints, (endpoint) => endpoint.tag)]
  const schemas = (document['components'] as { schemas: Record<string, JsonSchema> }).schemas
  const { description, version } = document.info
  const links = groups.map(([tag, here]) => `<h4>${text(tag)}</h4>${here.map(navigationLink).join('')}`)
  const sections = groups.map(
    ([tag, here]) =>
      `<h2>${text(tag)}</h2>${here.map((endpoint) => endpointSection(endpoint, document)).join('')}`,
  )
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Tenantry API</title><style>${STYLE}</style></head>
<body><nav aria-label="Contents"><strong>Tenantry API</strong>${links.join('')}
<h4>More</h4><a href="#scopes">Scopes</a><a href="#errors">Errors</a><a href="#schemas">Schemas</a><a href="/openapi.json">openapi.json</a></nav>
<main><h1>Tenantry API <small>${text(version)}</small></h1>${prose(description)}
${sections.join('\n')}
<h2 id="scopes">Scopes</h2>${table(
    ['Scope', 'Allows'],
    Object.entries(SCOPES).map(([scope, about]) => [code(scope), text(about)]),
  )}
<h2 id="errors">Errors</h2>${errorTable()}
<h2 id="schemas">Schemas</h2>${Object.entries(schemas)
    .map(([name, schema]) => schemaSection(name, schema))
    .join('\n')}
</main></body></html>
`
}

function navigationLink(endpoint: AnyEndpoint): string {
  return `<a href="#${text(endpoint.id)}">${text(endpoint.method)} ${text(endpoint.path)}</a>`
}

function endpointSection(endpoint: AnyEndpoint, document: OpenApi): string {
  const operation = document.paths[endpoint.path]?.[endpoint.method.toLowerCase()] ?? {}
  const parameters = (operation['parameters'] ?? []) as Parameter[]
  const body = operation['requestBody'] as { content: Record<string, { schema: JsonSchema }> } | undefined
  const responses = operation['responses'] as Record<string, Response | Reference>
  const { responses: shared } = document['components'] as { responses: Record<string, Response> }
  return `<section id="${text(endpoint.id)}"><h3><span class="method">${text(endpoint.method)}</span> <code>${text(endpoint.path)}</code></h3>
<p>${text(endpoint.summary)}. <span class="scope">${endpoint.scope === 'public' ? 'Public' : `Scope ${code(endpoint.scope)}`}</span></p>
${endpoint.description === undefined ? '' : prose(endpoint.description)}
${parameters.length === 0 ? '' : table(['Parameter', 'In', 'What'], parameters.map(parameterRow))}
${body === undefined ? '' : fields('Body', Object.values(body.content)[0]?.schema ?? {})}
${table(
  ['Status', 'Answer'],
  Object.entries(responses).map(([status, response]) => [text(status), responseCell(response, shared)]),
)}
<details><summary>Example</summary><pre>${text(example(endpoint, body !== undefined))}</pre></details></section>`
}

interface Parameter {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly description?: string
  readonly schema: JsonSchema
}

interface Reference {
  readonly $ref: string
}

interface Response {
  readonly description: string
  readonly content?: Record<string, { schema: JsonSchema }>
}

function parameterRow(parameter: Parameter): string[] {
  const need = parameter.required ? 'required' : 'optional'
  return [
    code(parameter.name),
    text(parameter.in),
    `${typeOf(parameter.schema)}, ${need}. ${inline(parameter.description ?? '')}`,
  ]
}

function responseCell(response: Response | Reference, shared: Record<string, Response>): string {
  if ('$ref' in response) {
    return inline(shared[response.$ref.replace('#/components/responses/', '')]?.description ?? '')
  }
  const { description, content } = response
  const schema = Object.values(content ?? {})[0]?.schema
  return `${inline(description)}${schema === undefined ? '' : `<br>${typeOf(schema)}`}`
}

function schemaSection(name: string, schema: JsonSchema): string {
  return `<section id="schema-${text(name)}"><h3>${text(name)}</h3>${fields('', schema)}</section>`
}

function fields(title: string, schema: JsonSchema): string {
  const properties = schema['properties'] as Record<string, JsonSchema> | undefined
  if (properties === undefined) return `<p>${text(title)} ${typeOf(schema)}</p>`
  const required = new Set((schema['required'] ?? []) as string[])
  const rows = Object.entries(properties).map(([name, property]) => [
    code(name),
    `${typeOf(property)}${required.has(name) ? '' : ', optional'}. ${inline(textIn(property, 'description'))}`,
  ])
  return table([title === '' ? 'Field' : `${title} field`, 'What'], rows)
}

function textIn(schema: JsonSchema, field: string): string {
  const value = schema[field]
  return typeof value === 'string' ? value : ''
}

/** A schema in a few words, with links to the named ones. */
function typeOf(schema: JsonSchema): string {
  const { $ref, anyOf, oneOf, items, type, format, default: standard } = schema
  const choices = schema['enum'] as unknown[] | undefined
  const suffix = standard === undefined ? '' : ` = ${code(JSON.stringify(standard))}`
  if (typeof $ref === 'string') {
    const name = $ref.split('/').at(-1) ?? ''
    return `<a href="#schema-${text(name)}">${text(name)}</a>`
  }
  const either = (anyOf ?? oneOf) as JsonSchema[] | undefined
  if (either !== undefined) return either.map(typeOf).join(' or ') + suffix
  if (choices !== undefined) return choices.map((choice) => code(JSON.stringify(choice))).join(' | ') + suffix
  if (items !== undefined) return `list of ${typeOf(items as JsonSchema)}${suffix}`
  const names = Array.isArray(type) ? type.join(' or ') : textIn(schema, 'type') || 'any'
  return text(names) + (typeof format === 'string' ? ` (${text(format)})` : '') + suffix
}

function errorTable(): string {
  const rows = Object.entries(ERROR_CODES).map(([errorCode, { status, title, exit }]) => [
    `<span id="error-${text(errorCode)}">${code(errorCode)}</span>`,
    String(status),
    text(title),
    String(exit),
  ])
  return table(['Code', 'Status', 'Meaning', 'Exit code of the CLI'], rows)
}

function example(endpoint: AnyEndpoint, hasBody: boolean): string {
  const lines = [
    `curl -sS${endpoint.stream === 'sse' ? 'N' : ''} -X ${endpoint.method} "$TENANTRY_URL${endpoint.path}"`,
  ]
  if (endpoint.scope !== 'public') lines.push('-H "Authorization: Bearer $(cat .tenantry/token)"')
  if (endpoint.method === 'POST') lines.push('-H "Idempotency-Key: $(uuidgen)"')
  if (hasBody) lines.push(`-H 'Content-Type: application/json' -d @body.json`)
  return lines.join(' \\\n  ')
}

/** @param rows cells that are HTML already. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const body = rows.map((row) => `<tr>${row.map((cell) => `<td>${cell}</td>`).join('')}</tr>`)
  return `<table><thead><tr>${heads.map((head) => `<th>${text(head)}</th>`).join('')}</tr></thead><tbody>${body.join('')}</tbody></table>`
}

function prose(markdown: string): string {
  return markdown
    .split(/\n\n+/)
    .map((paragraph) => `<p>${inline(paragraph)}</p>`)
    .join('')
}

/** Escaped text in which `code` is code and line breaks before list items stay. */
function inline(markdown: string): string {
  return text(markdown)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll(/\n(?=(?:- )?<code>)/g, '<br>')
}

function code(value: string): string {
  return `<code>${text(value)}</code>`
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function text(value: string): string {
  return value.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '')
}

/** The API as a page to read: rendered here from the table of endpoints, without scripts or anything from elsewhere. */
import { createHash } from 'node:crypto'
import type { AnyEndpoint } from '../api/endpoint.ts'
import { SCOPES } from '../api/scopes.ts'
import { ERROR_CODES } from '../lib/error-codes.ts'
import type { JsonSchema } from './json-schema.ts'
import type { OpenApi } from './openapi.ts'

const STYLE = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); --soft: color-mix(in srgb, currentColor 6%, transparent); --faint: color-mix(in srgb, currentColor 70%, transparent) }
* { box-sizing: border-box }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; display: grid; grid-template-columns: 23rem minmax(0, 56rem); gap: 2.5rem; padding: 0 1.5rem }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 0; font-size: .8125rem }
nav h4 { margin: 1.1rem 0 .25rem; font-size: .875rem }
nav a { display: grid; grid-template-columns: 4.2em 1fr; padding: .1rem 0; text-decoration: none; color: inherit; overflow-wrap: anywhere }
nav a.plain { display: block }
nav a:hover, nav a:focus { text-decoration: underline }
nav .method { color: var(--faint); font-weight: 400; font-size: .75rem; line-height: 1.7 }
main { padding: 1.5rem 0 6rem; min-width: 0 }
h1 small { font-weight: 400; font-size: 1rem; color: var(--faint) }
h2 { margin-top: 3.5rem; padding-bottom: .25rem; border-bottom: 2px solid var(--line) }
h3 { margin: 2.5rem 0 .5rem; font-size: 1.1rem; overflow-wrap: anywhere }
h3 a { color: inherit; text-decoration: none } h3 a:hover, h3 a:focus { text-decoration: underline }
section:target h3 { background: var(--soft); box-shadow: 0 0 0 .4rem var(--soft) }
code, pre { font: .875em/1.5 ui-monospace, monospace }
pre { background: var(--soft); padding: .75rem 1rem; overflow: auto; border-radius: .4rem; max-height: 24rem }
table { border-collapse: collapse; width: 100%; font-size: .925rem; margin: .75rem 0 }
th, td { text-align: left; vertical-align: top; padding: .35rem 1.25rem .35rem 0; border-bottom: 1px solid var(--line); white-space: nowrap }
th:last-child, td:last-child { width: 99%; padding-right: 0; white-space: normal; overflow-wrap: anywhere }
th { font-size: .8125rem; color: var(--faint) }
.method { display: inline-block; min-width: 4.2em; font-weight: 700 }
.scope { font-size: .85rem; color: var(--faint) }
details { margin: .5rem 0 } summary { cursor: pointer; font-size: .925rem; color: var(--faint) }
@media (max-width: 64rem) {
  body { display: block; padding: 0 1rem }
  nav { position: static; height: auto; max-height: 40vh; border-bottom: 2px solid var(--line) }
  td { white-space: normal; overflow-wrap: anywhere; padding-right: .75rem }
  td:last-child { width: auto }
  td:nth-child(2):not(:last-child) { white-space: nowrap }
}
`

/** Allows this one style sheet and nothing else. */
export const DOCS_CSP = `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`

const MORE = [
  ['#scopes', 'Scopes'],
  ['#errors', 'Errors'],
  ['#schemas', 'Schemas'],
  ['/openapi.json', 'openapi.json'],
] as const

const FIRST_REQUEST = `# TENANTRY_URL: the address of this page, without /docs
curl -sS "$TENANTRY_URL/servers" -H "Authorization: Bearer $(cat .tenantry/token)"`

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
<h4>More</h4>${MORE.map(([href, name]) => `<a class="plain" href="${href}">${name}</a>`).join('')}</nav>
<main><h1>Tenantry API <small>${text(version)}</small></h1>${prose(description)}
<pre>${text(FIRST_REQUEST)}</pre>
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
  return `<a href="#${text(endpoint.id)}"><span class="method">${text(endpoint.method)}</span> <span>${text(endpoint.path)}</span></a>`
}

function endpointSection(endpoint: AnyEndpoint, document: OpenApi): string {
  const operation = document.paths[endpoint.path]?.[endpoint.method.toLowerCase()] ?? {}
  const parameters = (operation['parameters'] ?? []) as Parameter[]
  const body = operation['requestBody'] as { content: Record<string, { schema: JsonSchema }> } | undefined
  const responses = operation['responses'] as Record<string, Response | Reference>
  const { responses: shared } = document['components'] as { responses: Record<string, Response> }
  return `<section id="${text(endpoint.id)}"><h3><a href="#${text(endpoint.id)}"><span class="method">${text(endpoint.method)}</span> <code>${text(endpoint.path)}</code></a></h3>
<p>${text(endpoint.summary)}. <span class="scope">${endpoint.scope === 'public' ? 'Public' : `Scope ${code(endpoint.scope)}`}</span></p>
${endpoint.description === undefined ? '' : prose(endpoint.description)}
${parameters.length === 0 ? '' : table(['Parameter', 'In', 'What'], parameters.map(parameterRow))}
${body === undefined ? '' : fields('Body', Object.values(body.content)[0]?.schema ?? {})}
${answers(responses, shared)}
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

/** What is answered when it succeeds; the errors, of which every endpoint has the same half a dozen, folded away. */
function answers(responses: Record<string, Response | Reference>, shared: Record<string, Response>): string {
  const isError = ([status]: [string, unknown]): boolean => /^[45]/.test(status)
  const rows = ([status, response]: [string, Response | Reference]): string[] => [
    text(status),
    responseCell(response, shared),
  ]
  const all = Object.entries(responses)
  const good = table(['Status', 'Answer'], all.filter((entry) => !isError(entry)).map(rows))
  const bad = all.filter(isError).map(rows)
  if (bad.length === 0) return good
  return `${good}<details><summary>Errors</summary>${table(['Status', 'Error'], bad)}</details>`
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
  const { $ref, anyOf, oneOf, items, default: standard } = schema
  const suffix = standard === undefined ? '' : ` = ${code(JSON.stringify(standard))}`
  if (typeof $ref === 'string') {
    const name = $ref.split('/').at(-1) ?? ''
    return `<a href="#schema-${text(name)}">${text(name)}</a>`
  }
  const either = (anyOf ?? oneOf) as JsonSchema[] | undefined
  if (either !== undefined) return [...new Set(either.map(typeOf))].join(' or ') + suffix
  if (items !== undefined) return `list of ${typeOf(items as JsonSchema)}${suffix}`
  return simpleType(schema) + suffix
}

/** Of a schema without others in it, but for the fields of an object. */
function simpleType(schema: JsonSchema): string {
  const { const: only, enum: choices, type, format, pattern, properties } = schema
  if (only !== undefined) return code(JSON.stringify(only))
  if (Array.isArray(choices)) return choices.map((choice) => code(JSON.stringify(choice))).join(' | ')
  if (typeof properties === 'object' && properties !== null && Object.keys(properties).length > 0) {
    const named = Object.entries(properties as Record<string, JsonSchema>)
    return `{ ${named.map(([name, property]) => `${code(name)}: ${typeOf(property)}`).join(', ')} }`
  }
  const names = Array.isArray(type) ? type.join(' or ') : textIn(schema, 'type') || 'any'
  if (typeof format === 'string') return `${text(names)} (${text(format)})`
  return typeof pattern === 'string' && pattern.length <= 40
    ? `${text(names)} like ${code(pattern)}`
    : text(names)
}

function errorTable(): string {
  const rows = Object.entries(ERROR_CODES).map(([errorCode, { status, title, exit }]) => [
    `<span id="error-${text(errorCode)}">${code(errorCode)}</span>`,
    String(status),
    String(exit),
    text(title),
  ])
  return table(['Code', 'Status', 'Exit code of the CLI', 'Meaning'], rows)
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

/** The reference pages, made from the code they describe. `npm run golden` writes them; a test compares. */
import { ENDPOINTS } from '../../src/api/index.ts'
import { errorsOf, type AnyEndpoint } from '../../src/api/endpoint.ts'
import { SCOPES } from '../../src/api/scopes.ts'
import { SETTINGS } from '../../src/config.ts'
import { ERROR_CODES } from '../../src/lib/error-codes.ts'
import { CATALOGUE, STORED_HISTOGRAMS } from '../../src/observability/catalogue.ts'
import { MYSQL_SQLSTATES } from '../../src/engine/mysql-errors.ts'
import { RETRY_TABLE } from '../../src/rollout/retry.ts'

const MADE = '<!-- Made from the code by `npm run golden`: do not edit. -->\n\n'

interface SettingShown {
  readonly about: string
  readonly example: string
  readonly default?: string
  readonly alias?: string
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`).replaceAll('\n', ' ')).join(' | ')} |\n`
  return line(head) + line(head.map(() => '---')) + rows.map(line).join('')
}

function configurationPage(): string {
  const rows = Object.entries<SettingShown>(SETTINGS).map(([name, setting]) => [
    `\`${name}\`${setting.alias === undefined ? '' : ` (also \`${setting.alias}\`)`}`,
    setting.about,
    setting.default === undefined ? '' : `\`${setting.default}\``,
    `\`${setting.example}\``,
  ])
  return `# Configuration\n\n${MADE}Precedence: built-in default < \`.env\` in the working directory < environment < command-line flag. A wrong value is
refused at start with its name, its problem and an example.\n\n${table(['setting', 'meaning', 'default', 'example'], rows)}`
}

function errorsPage(): string {
  const rows = Object.entries(ERROR_CODES).map(([code, row]) => [
    `\`${code}\``,
    String(row.status),
    row.title,
    String(row.exit),
  ])
  return `# Errors\n\n${MADE}Every answer that is no success is \`application/problem+json\` (RFC 9457) with one of these codes; the command line
ends with the exit code.\n\n${table(['code', 'HTTP status', 'title', 'exit code'], rows)}`
}

function metricsPage(): string {
  const rows = [...Object.values(CATALOGUE), ...STORED_HISTOGRAMS].map((metric) => [
    `\`${metric.name}\``,
    metric.type,
    metric.labels.map((label) => `\`${label}\``).join(', '),
    metric.help,
  ])
  return `# Metrics\n\n${MADE}\`GET /metrics\` with a token that has the scope \`metrics:read\`. No label has one value per tenant. Beside these the
usual metrics of the process and of Node are exported.\n\n${table(['metric', 'type', 'labels', 'meaning'], rows)}`
}

function retryPage(): string {
  const rows = Object.entries(RETRY_TABLE).map(([sqlstate, kind]) => [
    `\`${sqlstate}\`${sqlstate.length === 2 ? ' (whole class)' : ''}`,
    kind,
  ])
  const mysqlRows = Object.entries(MYSQL_SQLSTATES).map(([number, sqlstate]) => [number, `\`${sqlstate}\``])
  return `# Which failures are tried again\n\n${MADE}By SQLSTATE; a full code goes before its class; what is not listed is permanent.

- \`transient\`: this tenant, a little later, may succeed: tried again with backoff, up to \`MAX_RETRIES\` times.
- \`server\`: the whole server may be concerned: it is looked at; if it is away its lane waits, and no try is counted.
- \`crowded\`: no room for so many connections: fewer are used, and no try is counted.
- \`busy\`: another worker has the tenant in hand: waited for, and no try is counted.
- \`permanent\`: failed at once.\n\n${table(['SQLSTATE', 'kind'], rows)}
MySQL and MariaDB have no SQLSTATE of their own for much of this: their errors count, and are shown, as these.\n\n${table(['error', 'SQLSTATE'], mysqlRows)}`
}

function scopesPage(): string {
  return `# Scopes of tokens\n\n${MADE}${table(
    ['scope', 'lets'],
    Object.entries(SCOPES).map(([scope, about]) => [`\`${scope}\``, about]),
  )}`
}

function apiPage(): string {
  const tags = [...new Set(ENDPOINTS.map((endpoint) => endpoint.tag))]
  const rows = (endpoint: AnyEndpoint): string[] => [
    `\`${endpoint.method} ${endpoint.path}\``,
    endpoint.summary,
    endpoint.scope === 'public' ? 'none' : `\`${endpoint.scope}\``,
    errorsOf(endpoint)
      .filter((code) => endpoint.errors.includes(code))
      .map((code) => `\`${code}\``)
      .join(', '),
  ]
  const part = (tag: string): string =>
    `## ${tag}\n\n${table(
      ['request', 'what it does', 'scope', 'errors of its own'],
      ENDPOINTS.filter((endpoint) => endpoint.tag === tag).map(rows),
    )}`
  return `# HTTP API\n\n${MADE}A running Tenantry serves the same as OpenAPI 3.1 at \`/openapi.json\` and as a page with all fields at \`/docs\`.\n\n${tags.map(part).join('\n')}`
}

/** `.env.example`: every setting with its meaning. */
export function envExample(): string {
  const part = ([name, setting]: [string, SettingShown]): string =>
    `# ${setting.about}${setting.default === undefined ? '' : ` Default: ${setting.default}`}\n# ${name}=${setting.example}\n`
  return `# Copy to .env and set what you need.\n\n${Object.entries<SettingShown>(SETTINGS).map(part).join('\n')}`
}

/** File name in docs/reference → its text. */
export function referencePages(): Record<string, string> {
  return {
    'api.md': apiPage(),
    'configuration.md': configurationPage(),
    'errors.md': errorsPage(),
    'metrics.md': metricsPage(),
    'retries.md': retryPage(),
    'scopes.md': scopesPage(),
  }
}

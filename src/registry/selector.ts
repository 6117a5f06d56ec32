/**
 * Selecting tenants by words: `plan:free region:eu version<20260112_143000 server:pg-3`.
 * Terms are joined by "and", values within a term (`region:eu,us`) by "or"; a leading `-` negates a term.
 */
import { TenantryError } from '../lib/errors.ts'
import { findUnstorable } from '../lib/storable.ts'

export interface SelectorTerm {
  readonly key: string
  readonly operator: ':' | '<' | '<=' | '>' | '>='
  readonly values: readonly string[]
  readonly negated: boolean
}

const TERM = /^(-?)([A-Za-z_][A-Za-z0-9_.-]{0,62})(<=|>=|:|<|>)(.+)$/
const VERSION_ID = /^\d{8}_\d{6}$/
const EXAMPLE = 'plan:free region:eu,us version<20260112_143000 server:pg-3 -name:cmp_9%'

/** @throws TenantryError `invalid_input` that names the term. */
export function parseSelector(text: string): SelectorTerm[] {
  const unstorable = findUnstorable(text)
  if (unstorable !== undefined) throw invalid(text, unstorable.message)
  return text.split(/\s+/).filter(Boolean).map(parseTerm)
}

function parseTerm(text: string): SelectorTerm {
  const [, minus, key, operator, value] = TERM.exec(text) ?? []
  if (key === undefined || operator === undefined || value === undefined) {
    throw invalid(text, 'is not of the form key:value')
  }
  const values = value.split(',')
  if (values.includes('')) throw invalid(text, 'has an empty value')
  if (operator !== ':') {
    if (key !== 'version') throw invalid(text, `compares ${key}; only version can be compared`)
    if (values.length > 1) throw invalid(text, 'compares with more than one version')
  }
  if (key === 'version') {
    const wrong = values.find((item) => !VERSION_ID.test(item) && !(operator === ':' && item === 'none'))
    if (wrong !== undefined)
      throw invalid(text, `names ${wrong}, which is not a version id (YYYYMMDD_HHMMSS)`)
  }
  return { key, operator: operator as SelectorTerm['operator'], values, negated: minus === '-' }
}

function invalid(term: string, problem: string): TenantryError {
  return new TenantryError('invalid_input', `The selector term ${JSON.stringify(term)} ${problem}.`, {
    nextSteps: [`Example: ${EXAMPLE}`],
  })
}

/** A condition over `tenants as tenant join db_servers as server`, with its values. */
export interface SqlCondition {
  readonly sql: string
  readonly values: readonly unknown[]
}

/**
 * The SQL for a selector. A tenant without any version counts as older than every version.
 * @param firstParameter number of the first `$n` that is free.
 */
export function selectorCondition(terms: readonly SelectorTerm[], firstParameter = 1): SqlCondition {
  const values: unknown[] = []
  const parameter = (value: unknown): string => `$${firstParameter - 1 + values.push(value)}`
  const sql = terms.map((term) => {
    const condition = termCondition(term, parameter)
    // What is unknown (no version yet) does not have the value either.
    return term.negated ? `((${condition}) is not true)` : `(${condition})`
  })
  return { sql: sql.length === 0 ? 'true' : sql.join(' and '), values }
}

function termCondition(term: SelectorTerm, parameter: (value: unknown) => string): string {
  switch (term.key) {
    case 'version':
      return versionCondition(term, parameter)
    case 'server':
      return `server.name = any(${parameter(term.values)}::text[])`
    case 'name':
      return nameCondition('tenant.name', term.values, parameter)
    case 'database':
      return nameCondition('tenant.database_name', term.values, parameter)
    case 'schema':
      return nameCondition('tenant.schema_name', term.values, parameter)
    case 'drift':
      return driftCondition(parameter(term.values))
    case 'state':
      return `tenant.state = any(${parameter(term.values)}::text[])`
    default:
      return term.values
        .map((value) => `tenant.labels @> ${parameter(JSON.stringify({ [term.key]: value }))}::jsonb`)
        .join(' or ')
  }
}

/** By what the last scan found and no repair has mended since: a difference's key, or `different`, `in_sync`, `unreachable`. */
function driftCondition(values: string): string {
  return `exists (select from tenantry.drift_state as finding where finding.tenant_id = tenant.id
    and not finding.ignored and finding.repaired_at is null
    and (finding.difference_key = any(${values}::text[]) or finding.state = any(${values}::text[])))`
}

/** Plain names together, however many; each pattern by itself. */
function nameCondition(
  column: string,
  values: readonly string[],
  parameter: (value: unknown) => string,
): string {
  const plain = values.filter((value) => !value.includes('%'))
  const patterns = values.filter((value) => value.includes('%'))
  return [
    ...(plain.length > 0 ? [`${column} = any(${parameter(plain)}::text[])`] : []),
    ...patterns.map((pattern) => `${column} like ${parameter(likePattern(pattern))}`),
  ].join(' or ')
}

function versionCondition(term: SelectorTerm, parameter: (value: unknown) => string): string {
  if (term.operator !== ':') {
    const compared = `tenant.version_id ${term.operator} ${parameter(term.values[0])} collate "C"`
    return term.operator.startsWith('<') ? `tenant.version_id is null or ${compared}` : compared
  }
  const named = term.values.filter((value) => value !== 'none')
  const conditions = [`tenant.version_id = any(${parameter(named)}::text[])`]
  if (term.values.includes('none')) conditions.push('tenant.version_id is null')
  return conditions.join(' or ')
}

/** As an expression for names that come from elsewhere than a database. */
export function nameMatcher(pattern: string): RegExp {
  const parts = pattern.split('%').map((text) => RegExp.escape(text))
  return new RegExp(`^${parts.join('.*')}$`, 'su')
}

/** The LIKE pattern of a name pattern in which only `%` is special: `cmp_%` means names that begin with `cmp_`. */
export function likePattern(pattern: string): string {
  return pattern.replaceAll(/[\\_]/g, String.raw`\$&`)
}

/** `schema lint` and `version lint`. */
import { dialectNamed } from '../../schema/dialects/index.ts'
import type { LintedVersion, LintInput } from '../../schema/lint/finding.ts'
import { openFindings } from '../../schema/lint/findings.ts'
import { lintVersion, type LintTools } from '../../schema/lint/lint.ts'
import { readInputs, type LintInputs } from '../../schema/lint/input.ts'
import { RehearsalPlace } from '../../schema/lint/rehearse.ts'
import { SchemaPlace } from '../../schema/lint/schema-place.ts'
import { findSquawk } from '../../schema/lint/squawk.ts'
import { parseAllowed } from '../../schema/plan/allow.ts'
import type { HazardName } from '../../schema/plan/hazards.ts'
import { renderLint } from '../../schema/render/lint-text.ts'
import { parseOperand } from '../../schema/operand/operand.ts'
import type { VersionDialect } from '../../schema/version-dialects.ts'
import type { Api } from '../api.ts'
import type { Cli } from '../cli.ts'
import { EXIT, usageError } from '../errors.ts'
import { count } from '../format.ts'
import { gather } from '../pages.ts'
import { readText } from '../secret-input.ts'
import { styleOf, withSchemas, type SourceOptions } from './sources.ts'

const DIALECTS = ['postgres', 'mysql', 'sqlite'] as const

export interface LintOptions {
  readonly on?: string
  readonly dialect?: VersionDialect
  readonly since?: string
  readonly rehearse?: boolean
  readonly allow?: readonly string[]
  readonly format?: 'text' | 'json'
  readonly scratch?: string
  readonly store: string
}

/** @returns the exit code */
export async function lintPaths(cli: Cli, paths: readonly string[], options: LintOptions): Promise<number> {
  const dialect = await dialectFor(options)
  const read: LintInputs[] = []
  for (const path of paths)
    read.push(path === '-' ? await readStdin(dialect) : await readInputs(path, dialect, options.since))
  return lint(cli, joined(read, options.on), options)
}

async function readStdin(dialect: VersionDialect): Promise<LintInputs> {
  const input = { name: 'standard input', dialect, file: null, firstLine: 1, sql: await readText('-') }
  return { before: [], inputs: [input] }
}

/** What is written in no version's own words: that of the place where it is to run. */
async function dialectFor({ dialect, on, scratch }: LintOptions): Promise<VersionDialect> {
  if (dialect !== undefined) return dialect
  for (const place of [on, scratch]) {
    if (place === undefined) continue
    const operand = await parseOperand(place)
    if (operand.type === 'database') return operand.dialect
  }
  return 'postgres'
}

/** Several paths are rehearsed one after the other, each on what those before it have made. */
function joined(read: readonly LintInputs[], on: string | undefined): LintInputs {
  const [only, ...more] = read
  if (only !== undefined && more.length === 0) return on === undefined ? only : { ...only, before: [] }
  if (read.every(({ before }) => before.length === 0)) {
    return { before: [], inputs: read.flatMap(({ inputs }) => inputs) }
  }
  throw usageError('Versions of a folder are linted one at a time, or all with their folder.')
}

/** A stored version, on what the stored versions before it lead to. @returns the exit code */
export async function lintStored(cli: Cli, api: Api, id: string, options: LintOptions): Promise<number> {
  const get = (version: string) => api.call(api.at('versions.get'), { params: { version_id: version } })
  const wanted = await get(id)
  const before: LintInput[] = []
  if (options.on === undefined && options.rehearse !== false) {
    const { rows } = await gather(0, (query) => api.call(api.at('versions.list'), { query }))
    const older = rows.filter(({ version_id, dialect }) => version_id < id && dialect === wanted.dialect)
    for (const { version_id } of older.toReversed()) before.push(inputOf(await get(version_id)))
  }
  return lint(cli, { before, inputs: [inputOf(wanted)] }, options)
}

function inputOf(version: {
  version_id: string
  dialect: VersionDialect
  upgrade_sql: string
  downgrade_sql: string | null
}): LintInput {
  const { version_id: name, dialect, upgrade_sql: sql, downgrade_sql: back } = version
  const upgrade = { name, dialect, file: null, firstLine: 1, sql }
  return back === null ? upgrade : { ...upgrade, downgrade: { file: null, firstLine: 1, sql: back } }
}

async function lint(cli: Cli, inputs: LintInputs, options: LintOptions): Promise<number> {
  const allow = parseAllowed(options.allow ?? [])
  const squawk = await findSquawk()
  const tools = { squawk, allow }
  const versions: LintedVersion[] = []
  for (const dialect of DIALECTS) {
    const isOne = (input: LintInput): boolean => (input.dialect ?? 'postgres') === dialect
    const own = { before: inputs.before.filter(isOne), inputs: inputs.inputs.filter(isOne) }
    if (own.inputs.length === 0) continue
    if (options.rehearse !== false) versions.push(...(await rehearsed(cli, dialect, own, tools, options)))
    else if (dialect === 'postgres') versions.push(...(await each(own.inputs, tools)))
    else throw usageError(`SQL for ${dialect} is told about only by a rehearsal.`, 'Leave out --no-rehearse.')
    if (dialect === 'postgres' && squawk === undefined)
      cli.output.say('squawk is not installed: the text itself was not looked at.')
  }
  return report(cli, versions, allow, options)
}

async function each(inputs: readonly LintInput[], tools: LintTools): Promise<LintedVersion[]> {
  const versions: LintedVersion[] = []
  for (const input of inputs) versions.push(...(await lintVersion(input, tools)))
  return versions
}

async function rehearsed(
  cli: Cli,
  name: VersionDialect,
  { before, inputs }: LintInputs,
  tools: LintTools,
  options: LintOptions,
): Promise<LintedVersion[]> {
  const sources: SourceOptions = {
    store: options.store,
    dialect: name,
    ...(options.scratch === undefined ? {} : { scratch: options.scratch }),
  }
  const on = options.on === undefined ? [] : [options.on]
  return withSchemas(cli, on, sources, async ([schema], shadows) => {
    const source = schema?.snapshot
    if (source !== undefined && source.dialect !== name)
      throw usageError(`${options.on} is ${source.dialect}, and the SQL is for ${name}.`)
    const dialect = await dialectNamed(name)
    const shadow = await shadows.empty(dialect, schema?.url)
    const place = await (name === 'postgres' ? RehearsalPlace : SchemaPlace).open(dialect, shadow, source)
    try {
      for (const input of before) {
        const { failure } = await place.run(input)
        if (failure === undefined) continue
        throw usageError(
          `Version ${input.name}, which comes before, fails: ${failure.message} (SQLSTATE ${failure.sqlstate}).`,
          'Say which schema the versions begin with: --on DATABASE, SNAPSHOT or SQL.',
        )
      }
      return await each(inputs, { ...tools, place })
    } finally {
      if (place instanceof RehearsalPlace) place.close()
    }
  })
}

function report(
  cli: Cli,
  versions: readonly LintedVersion[],
  allow: readonly HazardName[],
  options: LintOptions,
): number {
  const open = openFindings(versions)
  const findings = versions.flatMap((version) => version.findings)
  if (options.format === 'json' || (options.format === undefined && !cli.output.forPeople)) {
    cli.output.raw(`${JSON.stringify({ clean: open.length === 0, allowed: allow, versions }, null, 2)}\n`)
  } else {
    const lines = renderLint(versions, styleOf(cli))
    if (lines.length > 0) cli.output.raw(`${lines.join('\n')}\n`)
    const rest = findings.length - open.length
    const upgrades = versions.filter(({ direction }) => direction === 'upgrade').length
    cli.output.say(
      `${count(upgrades)} ${upgrades === 1 ? 'version' : 'versions'}: ${count(open.length)} to mend or allow, ${count(rest)} to know.`,
    )
    const hazards = [...new Set(open.flatMap(({ hazard }) => (hazard === null ? [] : [hazard])))].toSorted()
    if (hazards.length > 0) cli.output.say(`If that is meant: --allow ${hazards.join(',')}`)
  }
  return open.length > 0 ? EXIT.differences : EXIT.ok
}

/** `schema lint` and `version lint`. */
import { dialectNamed } from '../../schema/dialects/index.ts'
import type { LintedVersion, LintInput } from '../../schema/lint/finding.ts'
import { lintVersion, openFindings, type LintTools } from '../../schema/lint/lint.ts'
import { notForPostgres, readInputs, type LintInputs } from '../../schema/lint/input.ts'
import { RehearsalPlace } from '../../schema/lint/rehearse.ts'
import { findSquawk } from '../../schema/lint/squawk.ts'
import { parseAllowed } from '../../schema/plan/allow.ts'
import type { HazardName } from '../../schema/plan/hazards.ts'
import { renderLint } from '../../schema/render/lint-text.ts'
import type { Api } from '../api.ts'
import type { Cli } from '../cli.ts'
import { EXIT, usageError } from '../errors.ts'
import { count } from '../format.ts'
import { gather } from '../pages.ts'
import { readText } from '../secret-input.ts'
import { styleOf, withSchemas, type SourceOptions } from './sources.ts'

export interface LintOptions {
  readonly on?: string
  readonly since?: string
  readonly rehearse?: boolean
  readonly allow?: readonly string[]
  readonly format?: 'text' | 'json'
  readonly scratch?: string
  readonly store: string
}

/** @returns the exit code */
export async function lintPaths(cli: Cli, paths: readonly string[], options: LintOptions): Promise<number> {
  const read: LintInputs[] = []
  for (const path of paths)
    read.push(path === '-' ? await readStdin() : await readInputs(path, options.since))
  return lint(cli, joined(read, options.on), options)
}

async function readStdin(): Promise<LintInputs> {
  const input = { name: 'standard input', file: null, firstLine: 1, sql: await readText('-') }
  return { before: [], inputs: [input], others: [] }
}

/** Several paths are rehearsed one after the other, each on what those before it have made. */
function joined(read: readonly LintInputs[], on: string | undefined): LintInputs {
  const [only, ...more] = read
  if (only !== undefined && more.length === 0) return on === undefined ? only : { ...only, before: [] }
  if (read.every(({ before }) => before.length === 0)) {
    return {
      before: [],
      inputs: read.flatMap(({ inputs }) => inputs),
      others: read.flatMap(({ others }) => others),
    }
  }
  throw usageError('Versions of a folder are linted one at a time, or all with their folder.')
}

/** A stored version, on what the stored versions before it lead to. @returns the exit code */
export async function lintStored(cli: Cli, api: Api, id: string, options: LintOptions): Promise<number> {
  const get = (version: string) => api.call(api.at('versions.get'), { params: { version_id: version } })
  const wanted = await get(id)
  if (wanted.dialect !== 'postgres') throw notForPostgres(id, wanted.dialect)
  const before: LintInput[] = []
  if (options.on === undefined && options.rehearse !== false) {
    const { rows } = await gather(0, (query) => api.call(api.at('versions.list'), { query }))
    const older = rows.filter(({ version_id, dialect }) => version_id < id && dialect === 'postgres')
    for (const { version_id } of older.toReversed()) before.push(inputOf(await get(version_id)))
  }
  return lint(cli, { before, inputs: [inputOf(wanted)], others: [] }, options)
}

function inputOf(version: {
  version_id: string
  upgrade_sql: string
  downgrade_sql: string | null
}): LintInput {
  const { version_id: name, upgrade_sql: sql, downgrade_sql: back } = version
  const upgrade = { name, file: null, firstLine: 1, sql }
  return back === null ? upgrade : { ...upgrade, downgrade: { file: null, firstLine: 1, sql: back } }
}

async function lint(cli: Cli, inputs: LintInputs, options: LintOptions): Promise<number> {
  for (const name of inputs.others)
    cli.output.say(`Version ${name} is not for PostgreSQL: nothing is said of it.`)
  const allow = parseAllowed(options.allow ?? [])
  const squawk = await findSquawk()
  const versions =
    options.rehearse === false
      ? await each(inputs.inputs, { squawk, allow })
      : await rehearsed(cli, inputs, { squawk, allow }, options)
  if (squawk === undefined) cli.output.say('squawk is not installed: the text itself was not looked at.')
  return report(cli, versions, allow, options)
}

async function each(inputs: readonly LintInput[], tools: LintTools): Promise<LintedVersion[]> {
  const versions: LintedVersion[] = []
  for (const input of inputs) versions.push(...(await lintVersion(input, tools)))
  return versions
}

async function rehearsed(
  cli: Cli,
  { before, inputs }: LintInputs,
  tools: LintTools,
  options: LintOptions,
): Promise<LintedVersion[]> {
  const sources: SourceOptions = {
    store: options.store,
    dialect: 'postgres',
    ...(options.scratch === undefined ? {} : { scratch: options.scratch }),
  }
  const on = options.on === undefined ? [] : [options.on]
  return withSchemas(cli, on, sources, async ([schema], shadows) => {
    const source = schema?.snapshot
    if (source !== undefined && source.dialect !== 'postgres')
      throw usageError(`${options.on} is ${source.dialect}: only SQL for PostgreSQL is linted.`)
    const dialect = await dialectNamed('postgres')
    const place = await RehearsalPlace.open(dialect, await shadows.empty(dialect, undefined), source)
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
      place.close()
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

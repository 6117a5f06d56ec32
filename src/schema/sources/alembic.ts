/**
 * Alembic: revisions in Python, turned into SQL by the real `alembic` in offline mode (`upgrade a:b --sql`), which
 * needs no database and no driver.
 *
 * The statements that keep alembic's own table `alembic_version` stay in: the native tool goes on working on every
 * tenant. A range is what alembic makes of it: what `target` needs and `after` does not have, so a branch that was
 * merged in comes along.
 */
import { join } from 'node:path'
import type { RunResult } from '../../engine/exec.ts'
import { type AlembicRevision, parseHistory, runnable, type Segment, segmentsOf } from './alembic-output.ts'
import {
  type Alembic,
  alembicFailure,
  expectImplementation,
  findAlembic,
  isNotImplemented,
  runAlembic,
} from './alembic-program.ts'
import type { VersionDialect } from '../version-dialects.ts'
import { kindOfPath } from './folder.ts'
import {
  nothingToDo,
  type Range,
  type Rendered,
  type Source,
  sourceInvalid,
  type SourceVersion,
  targetBeforeAfter,
  unknownRevision,
} from './source.ts'

/** The alembic.ini that `path` is or has. */
export async function findAlembicConfig(path: string): Promise<string | undefined> {
  const kind = await kindOfPath(path)
  if (kind === 'file') return path.endsWith('.ini') ? path : undefined
  const config = join(path, 'alembic.ini')
  return (await kindOfPath(config)) === 'file' ? config : undefined
}

/** A source over the project of an alembic.ini; `path` is how the user named it. */
export function openAlembic(config: string, path: string): Source {
  return {
    kind: 'alembic',
    path,
    async list(dialect = 'postgres') {
      const alembic = await findAlembic(config)
      return await listVersions(alembic, await readHistory(alembic), dialect)
    },
    async revisions() {
      const revisions = await readHistory(await findAlembic(config))
      return [...revisions.values()].map((entry) => ({
        revision: entry.revision,
        requires: requiredBy(entry),
      }))
    },
    async render(range, dialect = 'postgres') {
      const alembic = await findAlembic(config)
      return await renderAlembic(alembic, await readHistory(alembic), range, dialect)
    },
  }
}

type Revisions = ReadonlyMap<string, AlembicRevision>

/** The revisions, oldest first. */
async function readHistory(alembic: Alembic): Promise<Revisions> {
  const result = await runAlembic(alembic, ['history', '--verbose'])
  const repeated = /UserWarning: (Revision \S+ is present more than once)/.exec(result.stderr)?.[1]
  if (repeated !== undefined) {
    throw sourceInvalid(
      `alembic cannot use ${alembic.config}: ${repeated}`,
      'Remove one of the files, or renumber it.',
    )
  }
  if (result.code !== 0) throw alembicFailure(alembic, result)
  return new Map(parseHistory(result.stdout).map((entry) => [entry.revision, entry]))
}

/** `revision` and all that must be there before it. */
function lineageOf(revisions: Revisions, revision: string | undefined): Set<string> {
  const found = new Set<string>()
  const waiting = revision === undefined ? [] : [revision]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const entry = revisions.get(next)
    if (entry === undefined || found.has(next)) continue
    found.add(next)
    waiting.push(...entry.parents, ...entry.dependencies)
  }
  return found
}

/** Those of the set that no other of the set builds on. */
function headsOf(revisions: Revisions, set: ReadonlySet<string>): string[] {
  const entries = [...set].flatMap((revision) => revisions.get(revision) ?? [])
  const below = new Set(entries.flatMap(({ parents, dependencies }) => [...parents, ...dependencies]))
  return [...set].filter((revision) => !below.has(revision))
}

/** The full id for an id or for the beginning of one. */
function resolve(revisions: Revisions, given: string): string {
  if (revisions.has(given)) return given
  const matches = [...revisions.keys()].filter((revision) => revision.startsWith(given))
  const [only] = matches
  if (given === '' || only === undefined || matches.length > 1)
    throw unknownRevision(given, [...revisions.keys()])
  return only
}

function resolveTarget(alembic: Alembic, revisions: Revisions, target: string): string {
  if (target !== 'head' && target !== 'heads') return resolve(revisions, target)
  const heads = [...revisions.values()].filter(({ isHead }) => isHead).map(({ revision }) => revision)
  const [head] = heads
  if (head === undefined) throw nothingToDo({ target }, [])
  if (heads.length === 1) return head
  throw severalHeads(`Multiple head revisions are present in ${alembic.config}: ${heads.join(', ')}`)
}

function severalHeads(message: string): Error {
  return sourceInvalid(message, 'Join them with `alembic merge heads`, or name a revision.')
}

async function renderAlembic(
  alembic: Alembic,
  revisions: Revisions,
  range: Range,
  dialect: VersionDialect,
): Promise<Rendered> {
  const known = [...revisions.keys()]
  const after =
    range.after === undefined || range.after === 'base' ? undefined : resolve(revisions, range.after)
  const target = resolveTarget(alembic, revisions, range.target)
  const applied = lineageOf(revisions, after)
  const needed = lineageOf(revisions, target)
  if (target === after) throw nothingToDo({ after, target }, known)
  if (applied.has(target)) throw targetBeforeAfter({ after, target }, known)
  const heads = headsOf(revisions, new Set([...applied, ...needed]))
  if (heads.length > 1) {
    throw severalHeads(
      `After ${after}, revision ${target} would leave several heads side by side: ${heads.join(', ')}`,
    )
  }
  const wanted = new Set([...needed].filter((revision) => !applied.has(revision)))
  const [up, down] = await Promise.all([
    runAlembic(alembic, ['upgrade', `${after ?? 'base'}:${target}`, '--sql'], dialect),
    runAlembic(alembic, ['downgrade', `${target}:${after ?? 'base'}`, '--sql'], dialect),
  ])
  const order = upgradeOrder(alembic, up, wanted, dialect)
  return {
    revision: target,
    upgradeSql: runnable(up.stdout),
    revisions: order,
    ...downgradeOf(alembic, down, wanted, dialect),
  }
}

/** The revisions that the upgrade holds, in its order. */
function upgradeOrder(
  alembic: Alembic,
  result: RunResult,
  wanted: ReadonlySet<string>,
  dialect: VersionDialect,
): string[] {
  if (result.code !== 0) throw alembicFailure(alembic, result)
  expectImplementation(alembic, result, dialect)
  const order = segmentsOf(result.stdout, dialect).map(({ revision }) => revision)
  if (isSame(order, wanted)) return order
  throw sourceInvalid(
    `alembic wrote SQL for the revisions ${order.join(', ') || '(none)'} of ${alembic.config} instead of ` +
      [...wanted].join(', '),
    'env.py must hand context.configure() and run_migrations() what the generated one does.',
  )
}

function isSame(order: readonly string[], set: ReadonlySet<string>): boolean {
  return order.length === set.size && order.every((revision) => set.has(revision))
}

function downgradeOf(
  alembic: Alembic,
  result: RunResult,
  wanted: ReadonlySet<string>,
  dialect: VersionDialect,
): Pick<Rendered, 'downgradeSql' | 'downgradeMissing'> {
  const order = segmentsOf(result.stdout, dialect).map(({ revision }) => revision)
  if (isNotImplemented(result)) {
    return { downgradeSql: null, downgradeMissing: `Revision ${order.at(-1)} says that it cannot be undone.` }
  }
  if (result.code !== 0) throw alembicFailure(alembic, result)
  if (isSame(order, wanted)) return { downgradeSql: result.stdout, downgradeMissing: null }
  // Going back to one side of a merge, alembic leaves the revisions of the other side in place.
  const left = [...wanted].filter((revision) => !order.includes(revision))
  return {
    downgradeSql: null,
    downgradeMissing: `A merge brings in ${left.join(', ')}, which alembic does not undo on the way back.`,
  }
}

async function listVersions(
  alembic: Alembic,
  revisions: Revisions,
  dialect: VersionDialect,
): Promise<SourceVersion[]> {
  if (revisions.size === 0) return []
  const result = await runAlembic(alembic, ['upgrade', 'base:heads', '--sql'], dialect)
  const upgrades = segmentsOf(runnable(result.stdout), dialect)
  upgradeOrder(alembic, result, new Set(revisions.keys()), dialect)
  const downgrades = await listDowngrades(alembic, revisions, upgrades, dialect)
  return upgrades.map(({ revision, sql }) => ({
    revision,
    description: revisions.get(revision)?.description ?? '',
    upgradeSql: sql,
    downgradeSql: downgrades.get(revision) ?? null,
    requires: requiredBy(revisions.get(revision)),
  }))
}

function requiredBy(revision: AlembicRevision | undefined): string[] {
  return revision === undefined ? [] : [...revision.parents, ...revision.dependencies]
}

/**
 * The way back from each revision that has one. Below several heads, or where alembic goes back in another order than
 * it came, the parts would not fit the state they meet: then there are none.
 */
async function listDowngrades(
  alembic: Alembic,
  revisions: Revisions,
  upgrades: readonly Segment[],
  dialect: VersionDialect,
): Promise<Map<string, string>> {
  const expected = upgrades.map(({ revision }) => revision).toReversed()
  const found = new Map<string, string>()
  let from = headsOf(revisions, new Set(revisions.keys())).length === 1 ? expected[0] : undefined
  const order: string[] = []
  while (from !== undefined) {
    const result = await runAlembic(alembic, ['downgrade', `${from}:base`, '--sql'], dialect)
    const isCut = isNotImplemented(result)
    if (result.code !== 0 && !isCut) throw alembicFailure(alembic, result)
    const segments = segmentsOf(result.stdout, dialect)
    order.push(...segments.map(({ revision }) => revision))
    const whole = isCut ? segments.slice(0, -1) : segments
    for (const { revision, sql } of whole) found.set(revision, sql)
    // Beyond the one that cannot be undone, unless it is a merge.
    const parents = isCut ? (revisions.get(segments.at(-1)?.revision ?? '')?.parents ?? []) : []
    from = parents.length === 1 ? parents[0] : undefined
  }
  const isReverse = order.every((revision, at) => revision === expected[at])
  return isReverse ? found : new Map()
}

/**
 * TypeORM: migrations as `typeorm migration:generate` writes them call `queryRunner.query("…")` and nothing else. The
 * calls that build tables and columns first read what is there, so they are refused by name.
 */
import { join } from 'node:path'
import type { VersionDialect } from '../../version-dialects.ts'
import { NeedsAnswer, shown, unreadable, valuesOf } from './answers.ts'
import { exportsOf } from './project.ts'
import type { RecordedStatement, RecordingJob } from './protocol.ts'
import type { Recorder, Unit } from './recorder.ts'

interface Migration {
  readonly name?: unknown
  readonly transaction?: unknown
  up(runner: object): Promise<unknown>
  down(runner: object): Promise<unknown>
}

export async function typeormRecorder(job: RecordingJob): Promise<Recorder> {
  const units: Unit[] = []
  for (const file of job.files ?? []) {
    const path = join(job.at, file)
    // The name in the ledger is that of the class, so the file must be read before it is run.
    for (const migration of await migrationsOf(path, file))
      units.push(unitOf(job.dialect, migration, file, path))
  }
  // Declared before the sort: TypeORM orders by the timestamp that ends the name.
  return { units: units.toSorted((a, b) => timestampOf(a.name) - timestampOf(b.name)) }
}

function unitOf(dialect: VersionDialect, { name, instance }: Named, file: string, path: string): Unit {
  return {
    name,
    file,
    path,
    run: async (direction) => {
      const log: RecordedStatement[] = []
      const runner = queryRunner(dialect, log)
      await instance[direction](runner)
      const transaction = instance.transaction === false ? false : undefined
      return { statements: log, transaction, doubtful: false }
    },
  }
}

interface Named {
  readonly name: string
  readonly instance: Migration
}

/** TypeORM takes every class that a file exports. */
async function migrationsOf(path: string, file: string): Promise<Named[]> {
  const exported = await exportsOf(path)
  const classes = new Set(Object.values(exported).filter((value) => typeof value === 'function'))
  return [...classes].map((found) => {
    const instance = new (found as new () => Migration)()
    const name = typeof instance.name === 'string' ? instance.name : (found as { name: string }).name
    if (!/\d{13}$/.test(name)) {
      throw new Error(`the class ${name} in ${file} has no name that ends in a timestamp of 13 digits`)
    }
    return { name, instance }
  })
}

function timestampOf(name: string): number {
  return Number(name.slice(-13))
}

function queryRunner(dialect: VersionDialect, log: RecordedStatement[]): object {
  const query = (sql: string, parameters: readonly unknown[] = []): Promise<unknown> => {
    log.push({ sql, ...valuesOf(dialect, parameters) })
    return Promise.resolve(unreadable(shown(sql)))
  }
  return new Proxy(
    { query },
    {
      get: (target, key) => {
        if (key === 'query') return target.query
        if (key === 'then' || typeof key === 'symbol') return undefined
        return refusal(key)
      },
    },
  )
}

/** Of a call, or of a field of the runner that leads to others. */
function refusal(name: string): unknown {
  const refuse = (): never => {
    throw new NeedsAnswer(`queryRunner.${name}`)
  }
  return new Proxy(refuse, { get: refuse, apply: refuse })
}

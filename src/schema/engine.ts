/**
 * Schema sync for programs: the tenants of one server, each looked at and brought to a target by itself. A call works
 * in the database of the tenant that it is given and in no other.
 */
import { TenantryError } from '../lib/errors.ts'
import { diff, type Change } from './diff/diff.ts'
import { detectRenames } from './diff/renames.ts'
import type { Dialect, SchemaSession } from './dialects/dialect.ts'
import { dialectNamed } from './dialects/index.ts'
import { executePlan, type Execution } from './execute.ts'
import type { PlanOptions } from './plan/action.ts'
import { refuseHazards } from './plan/allow.ts'
import type { HazardName } from './plan/hazards.ts'
import { parseOperand } from './operand/operand.ts'
import { makePlan } from './plan/make-plan.ts'
import type { Plan } from './plan/plan.ts'
import { provePlan } from './prove.ts'
import { listTenantDatabases, type TenantContext } from './tenant-list.ts'
import { inspectOptionsOf } from './tenant-session.ts'
import type { Snapshot } from './snapshot/snapshot.ts'

export interface EngineOptions {
  /** A server, or for SQLite a directory: `postgres://…`, `mysql://…`, `sqlite:/path/to/tenants`. */
  readonly url: string
  /** Which databases are tenants; `%` stands for any text. Default `%`. */
  readonly pattern?: string
}

export interface SyncOptions {
  /** Default true. False: the plan is made, nothing is run. */
  readonly execute?: boolean
  /** Hazards that are meant, by name. */
  readonly allow?: readonly HazardName[]
  /** Default true: the plan is run on a scratch database of the same server first. */
  readonly prove?: boolean
  readonly plan?: Partial<PlanOptions>
}

export interface SyncResult {
  readonly diff: { readonly changes: readonly Change[]; readonly isEmpty: boolean }
  /** The tenant had the target's schema before. */
  readonly alreadyInSync: boolean
  readonly plan: Plan
  /** What became of each step; absent when nothing was run. */
  readonly execution?: Execution
}

export class Engine {
  readonly dialect: Dialect
  readonly #options: EngineOptions

  private constructor(dialect: Dialect, options: EngineOptions) {
    this.dialect = dialect
    this.#options = options
  }

  /** @throws TenantryError `invalid_input` for a URL that is none, `server_unreachable`, `server_refused` */
  static async connect(options: EngineOptions): Promise<Engine> {
    const operand = await parseOperand(options.url)
    if (operand.type !== 'database') {
      throw new TenantryError('invalid_input', `${options.url} is no server that Tenantry knows.`)
    }
    const engine = new Engine(await dialectNamed(operand.dialect), options)
    await engine.listTenants()
    return engine
  }

  /** The tenants of the server, by name. */
  async listTenants(): Promise<TenantContext[]> {
    return listTenantDatabases(this.dialect, this.#options.url, this.#options.pattern ?? '%')
  }

  async inspect(tenant: TenantContext): Promise<Snapshot> {
    return this.#inTenant(tenant, (session) =>
      this.dialect.inspect(session, inspectOptionsOf(tenant.schema ?? '')),
    )
  }

  /**
   * Compares a tenant with a target, and brings it there. Two calls for one tenant do not run side by side: the second
   * is refused while the first holds the tenant's lock, which ends with its session, however that ends.
   * @throws TenantryError `conflict` for a hazard that is not allowed, a plan that is not proved, or a tenant that is
   *   being changed; `precondition_failed` when its schema has changed since it was looked at
   */
  async syncTenant(tenant: TenantContext, target: Snapshot, options: SyncOptions = {}): Promise<SyncResult> {
    if (tenant.schema !== undefined && options.execute !== false) {
      throw new TenantryError(
        'invalid_input',
        'A tenant that is a schema is changed by a rollout: schema sync.',
      )
    }
    const source = await this.inspect(tenant)
    const renames = detectRenames(this.dialect, source, target).filter((rename) => rename.certain)
    const plan = makePlan(this.dialect, source, target, options.plan, renames)
    const changes = diff(source, target)
    const result: SyncResult = {
      diff: { changes, isEmpty: changes.length === 0 },
      alreadyInSync: changes.length === 0,
      plan,
    }
    if (options.execute === false || changes.length === 0) return result
    refuseHazards(plan, options.allow ?? [])
    const proved = options.prove === false ? plan : await this.#prove(tenant, source, target, plan)
    const execution = await this.#inTenant(tenant, (session) =>
      executePlan(this.dialect, session, proved, { allow: options.allow ?? [] }),
    )
    return { ...result, plan: proved, execution }
  }

  async #prove(tenant: TenantContext, source: Snapshot, target: Snapshot, plan: Plan): Promise<Plan> {
    const scratch = await this.dialect.scratch(tenant.url)
    try {
      return await provePlan(this.dialect, scratch, source, target, plan)
    } finally {
      await scratch.close()
    }
  }

  async #inTenant<T>(tenant: TenantContext, work: (session: SchemaSession) => Promise<T>): Promise<T> {
    const session = await this.dialect.connect(tenant.url)
    try {
      return await work(session)
    } finally {
      await session.close()
    }
  }
}

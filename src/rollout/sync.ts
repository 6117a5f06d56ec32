/**
 * Brings a selection of tenants to one schema: looks at all of them, then for each way to differ makes one plan,
 * proves it, and rolls it out to the tenants that differ so.
 */
import type { OperationContext, OperationHandler } from '../control/operations/operation.ts'
import { messageOf, TenantryError } from '../lib/errors.ts'
import { listGroups, type DriftGroup } from '../schema/drift/findings.ts'
import { scanTenants, type ScanInput } from '../schema/drift/scan.ts'
import type { PlanOptions } from '../schema/plan/action.ts'
import type { HazardName } from '../schema/plan/hazards.ts'
import { startRepair, type Parts } from './repair.ts'
import type { RolloutOptions } from './rollout.ts'
import type { WaveRequest } from './waves.ts'

export interface SyncInput extends ScanInput {
  readonly expected: string
  readonly allow: readonly HazardName[]
  readonly style?: PlanOptions['style']
  readonly waves: readonly WaveRequest[]
  readonly options: RolloutOptions
}

interface GroupResult {
  readonly difference: string
  readonly tenants: number
  /** The rollout that was started; absent when it was not. */
  readonly rollout?: string
  /** Why no rollout was started. */
  readonly refused?: string
}

/** Kind `schema-sync`. It ends when the rollouts have begun: each of them is an operation of its own. */
export function schemaSyncHandler(parts: Parts): OperationHandler {
  return {
    async run(context) {
      const input = context.operation.input as unknown as SyncInput
      // What is to be changed is read where it is changed.
      const counts = await scanTenants(parts, context, { ...input, primary: true })
      const groups = await listGroups(parts.control, input.selector, context.operation.id)
      const results: GroupResult[] = []
      for (const group of groups.filter(({ tenants, ignored }) => tenants > ignored)) {
        results.push(
          await context.step(`repair ${group.key}`, () => repairGroup(parts, context, input, group)),
        )
      }
      return { state: 'succeeded', result: { ...counts, groups: results } }
    },
  }
}

async function repairGroup(
  parts: Parts,
  context: OperationContext,
  input: SyncInput,
  group: DriftGroup,
): Promise<GroupResult> {
  const result = { difference: group.key, tenants: group.tenants - group.ignored }
  try {
    const rollout = await startRepair(parts, {
      key: group.key,
      allow: input.allow,
      ...(input.style === undefined ? {} : { plan: { style: input.style } }),
      rollout: {
        dryRun: false,
        waves: input.waves,
        options: { ...input.options, selector: `${input.selector} drift:${group.key}`.trim() },
        createdBy: `operation:${context.operation.id}`,
      },
    })
    return { ...result, rollout: rollout.id }
  } catch (error) {
    // One way to differ that needs a person does not hold up the others.
    if (error instanceof TenantryError && error.code === 'conflict') {
      return { ...result, refused: messageOf(error) }
    }
    throw error
  }
}

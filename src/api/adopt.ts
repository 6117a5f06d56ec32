/** Adopting tenants that another tool has migrated. */
import { z } from 'zod'
import { enqueueOperation } from '../control/operations/store.ts'
import { TenantryError } from '../lib/errors.ts'
import { prepareAdoption } from '../rollout/adopt.ts'
import { findSource } from '../schema/generate.ts'
import { LEDGER_TOOLS } from '../schema/ledgers/index.ts'
import { defineEndpoint } from './endpoint.ts'
import { reasonText } from './fields.ts'
import { selectorText, startedOperation } from './tenants.ts'

const name = z.string().min(1).max(63)

export const adoptEndpoints = [
  defineEndpoint({
    id: 'tenants.adopt',
    method: 'POST',
    path: '/tenants/adopt',
    tag: 'Tenants',
    scope: 'rollouts:run',
    summary: 'Record what another tool has applied',
    description:
      "An operation. Reads the native tool's ledger in each tenant, in a read-only transaction, and records the versions that were made of the source and are there. No SQL of a version runs. A tenant whose ledger does not fit is reported and left as it is.",
    body: z.strictObject({
      source: z.string().min(1).max(1000).optional().describe("Path inside the server's directory."),
      selector: selectorText,
      dry_run: z.boolean().default(true).describe('Only say what would be recorded.'),
      ledger: z
        .enum(LEDGER_TOOLS)
        .optional()
        .describe('The tool whose ledger counts. Seen from the source when absent.'),
      table: name.optional().describe('Name of the ledger when the tool was given one.'),
      schema: name.optional().describe("Where `table` is; the tenant's own schema when absent."),
      reason: reasonText,
    }),
    status: 202,
    output: startedOperation,
    errors: ['not_found', 'source_invalid', 'program_missing'],
    location: (started) => `/operations/${started.operation_id}`,
    audit: ({ body }) => ({
      reason: body.reason,
      detail: { source: body.source, selector: body.selector, dry_run: body.dry_run },
    }),
    run: async (app, { body, caller }) => {
      if (body.schema !== undefined && body.table === undefined) {
        throw new TenantryError('invalid_input', 'A schema is named, and no table in it.', {
          nextSteps: ['Name the table of the ledger, too.'],
        })
      }
      const source = await findSource(app.config, body.source, app.config.directory)
      const input = await prepareAdoption(app.control, source, {
        selector: body.selector,
        dryRun: body.dry_run,
        ledger: body.ledger,
        place: body.table === undefined ? undefined : { table: body.table, schema: body.schema },
      })
      const operation = await enqueueOperation(app.control, {
        kind: 'adopt',
        input,
        createdBy: caller.actor,
      })
      return { operation_id: operation.id, state: operation.state }
    },
  }),
]

/**
 * Which operations may start by the clock, with what input, and what scope their maker needs: a schedule must not
 * do for somebody what the API would refuse them.
 */
import { z } from 'zod'
import { nameSaid } from './fields.ts'
import type { Scope } from './scopes.ts'

export interface Schedulable {
  readonly about: string
  readonly scope: Scope
  readonly input: z.ZodType<Record<string, unknown>>
}

export const SCHEDULABLE: Readonly<Record<string, Schedulable>> = {
  discover: {
    about: 'Registers the tenants that match a name pattern.',
    scope: 'registry:write',
    input: z.strictObject({
      pattern: z.string().min(1).max(200),
      server: z.string().min(1).max(40).optional(),
      in_database: z.string().min(1).max(63).optional(),
      labels: z.record(z.string(), z.string()).optional(),
    }),
  },
  'drift-scan': {
    about: 'Looks at the schemas of tenants and holds them against what is expected.',
    scope: 'schema:write',
    input: z.strictObject({
      selector: z.string().max(2000).default(''),
      expected: z
        .string()
        .regex(
          /^[0-9a-f]{64}$/,
          'It is the fingerprint of a snapshot, 64 hexadecimal digits: see tenantry snapshot list --store control.',
        )
        .optional()
        .describe(
          'Fingerprint of a stored snapshot; absent: that of the version each tenant is recorded at.',
        ),
      concurrency: z.int().min(1).max(1000).optional(),
      primary: z.boolean().optional().describe('Not from the read addresses of servers.'),
      full: z.boolean().optional().describe('Also where a server says that nothing was written to a tenant.'),
    }),
  },
  'simulate-cleanup': {
    about: 'Removes the test databases of a prefix.',
    scope: 'simulate',
    input: z.strictObject({ prefix: z.string().regex(/^[a-z][a-z0-9_]{0,39}$/, nameSaid('sim_', '_', 40)) }),
  },
}

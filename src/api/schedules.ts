/** Operations that start by the clock. */
import { z } from 'zod'
import { deleteSchedule, getSchedule, listSchedules } from '../control/operations/schedule-list.ts'
import { putSchedule } from '../control/operations/schedules.ts'
import { TenantryError } from '../lib/errors.ts'
import { escapePointer } from '../lib/storable.ts'
import type { Caller } from './app.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { defineEndpoint } from './endpoint.ts'
import { anyObject, cursorText, nameSaid, pageLimit, pageOf, reasonText, timestamp } from './fields.ts'
import { SCHEDULABLE } from './schedulable.ts'
import { hasScope } from './scopes.ts'

const name = z.string().regex(/^[a-z][a-z0-9_-]{0,39}$/, nameSaid('nightly-drift', '- and _', 40))

const Schedule = z
  .object({
    name: z.string(),
    kind: z.string(),
    input: anyObject,
    cron: z.string(),
    timezone: z.string(),
    enabled: z.boolean(),
    next_at: timestamp,
    last_operation_id: z.uuid().nullable(),
    created_at: timestamp,
  })
  .meta({ id: 'Schedule' })

const list = defineEndpoint({
  id: 'schedules.list',
  method: 'GET',
  path: '/schedules',
  summary: 'Schedules by name',
  tag: 'Schedules',
  scope: 'operations:read',
  query: { limit: pageLimit(), cursor: cursorText },
  status: 200,
  output: pageOf(Schedule),
  async run({ control }, { query: { limit, cursor } }) {
    const afterName = decodeCursor(z.string(), null, cursor)
    const items = await listSchedules(control, { afterName, limit })
    const end = items.at(-1)
    return {
      items,
      next_cursor: end === undefined || items.length < limit ? null : encodeCursor(null, end.name),
    }
  },
})

const kinds = Object.entries(SCHEDULABLE).map(
  ([kind, { about, scope }]) => `\`${kind}\` (scope \`${scope}\`): ${about}`,
)

const put = defineEndpoint({
  id: 'schedules.put',
  method: 'PUT',
  path: '/schedules/{name}',
  summary: 'Make or replace a schedule',
  description: `Kinds that can be scheduled, each with the input of its own endpoint:\n\n${kinds.join('\n')}`,
  tag: 'Schedules',
  scope: 'operations:write',
  params: { name },
  body: z.strictObject({
    kind: z.string().min(1).max(100),
    input: anyObject.default({}),
    cron: z
      .string()
      .min(1)
      .max(100)
      .describe('Five fields: minute, hour, day, month, weekday. `0 3 * * *`: at three every night.'),
    timezone: z.string().min(1).max(100).default('UTC').describe('A name such as `Europe/Vienna`.'),
    reason: reasonText,
  }),
  errors: ['forbidden'],
  status: 200,
  output: Schedule,
  audit: ({ params, body }) => ({
    target: params.name,
    reason: body.reason,
    detail: { kind: body.kind, cron: body.cron, timezone: body.timezone },
  }),
  async run({ control }, { params, body, caller }) {
    const { kind, cron, timezone } = body
    const input = checkKind(kind, body.input, caller)
    refuseBadTimezone(timezone)
    return control.transaction(async (tx) => {
      await putSchedule(tx, { name: params.name, kind, input, cron, timezone })
      return getSchedule(tx, params.name)
    })
  },
})

function checkKind(kind: string, input: unknown, caller: Caller): Record<string, unknown> {
  const known = Object.hasOwn(SCHEDULABLE, kind) ? SCHEDULABLE[kind] : undefined
  if (known === undefined) {
    throw wrong(
      '/kind',
      `There is no operation ${JSON.stringify(kind)} that can be scheduled; there is: ${Object.keys(SCHEDULABLE).join(', ')}.`,
    )
  }
  if (!hasScope(caller.scopes, known.scope)) {
    throw new TenantryError('forbidden', `Scheduling ${kind} takes the scope ${known.scope}.`)
  }
  const parsed = known.input.safeParse(input)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const path = (issue?.path ?? []).map((step) => `/${escapePointer(String(step))}`).join('')
  throw wrong(`/input${path}`, issue?.message ?? 'The input is not valid.')
}

function refuseBadTimezone(timezone: string): void {
  try {
    Intl.DateTimeFormat('en', { timeZone: timezone })
  } catch {
    throw wrong('/timezone', `There is no time zone ${JSON.stringify(timezone)}.`)
  }
}

function wrong(pointer: string, message: string): TenantryError {
  return new TenantryError('invalid_input', message, {
    errors: [{ pointer, code: 'invalid_value', message }],
  })
}

const remove = defineEndpoint({
  id: 'schedules.delete',
  method: 'DELETE',
  path: '/schedules/{name}',
  summary: 'Remove a schedule',
  description: 'Operations that it has started go on.',
  tag: 'Schedules',
  scope: 'operations:write',
  params: { name },
  errors: ['not_found'],
  status: 204,
  output: z.void(),
  run: ({ control }, { params }) => deleteSchedule(control, params.name),
})

export const scheduleEndpoints = [list, put, remove] as const

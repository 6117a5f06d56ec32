/** Operations: everything that takes longer than a request. */
import { z } from 'zod'
import { getOperation, listSteps } from '../control/operations/read.ts'
import { requestCancel, retryOperation } from '../control/operations/store.ts'
import { getSummary, listSummaries } from '../control/operations/summary.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { defineEndpoint, defineStream } from './endpoint.ts'
import { cursorText, integerText, pageLimit, pageOf, reasonText } from './fields.ts'
import {
  OPERATION_STATES,
  OperationDetail,
  operationLocation,
  OperationShape,
  operationView,
} from './operation-schema.ts'
import { OPERATION_EVENTS, operationEvents, waitForEnd } from './watch.ts'

const MAX_WAIT_SECONDS = 60
const MAX_INPUT_SHOWN = 64 * 1024
const id = z.uuid()

const list = defineEndpoint({
  id: 'operations.list',
  method: 'GET',
  path: '/operations',
  summary: 'Operations, newest first',
  tag: 'Operations',
  scope: 'operations:read',
  query: {
    kind: z.string().min(1).max(100).optional().describe('Only of this kind, e.g. `rollout`.'),
    state: z.enum(OPERATION_STATES).optional(),
    limit: pageLimit(),
    cursor: cursorText,
  },
  status: 200,
  output: pageOf(OperationShape),
  async run({ control }, { query: { kind, state, limit, cursor } }) {
    const filter = { kind, state }
    const beforeId = decodeCursor(id, filter, cursor)
    const items = await listSummaries(control, { ...filter, beforeId, limit })
    const end = items.at(-1)
    return {
      items: items.map(operationView),
      next_cursor: end === undefined || items.length < limit ? null : encodeCursor(filter, end.id),
    }
  },
})

const show = defineEndpoint({
  id: 'operations.show',
  method: 'GET',
  path: '/operations/{id}',
  summary: 'One operation with its steps',
  description:
    'With `wait` the answer comes when the operation has ended or the time is over, whichever is first.',
  tag: 'Operations',
  scope: 'operations:read',
  params: { id },
  query: {
    wait: integerText({ min: 0, max: MAX_WAIT_SECONDS }).optional().describe('Seconds to wait for its end.'),
  },
  errors: ['not_found'],
  status: 200,
  output: OperationDetail,
  async run(app, { params, query, signal }) {
    await waitForEnd(app, params.id, query.wait ?? 0, signal)
    const operation = await getOperation(app.control, params.id)
    const input = JSON.stringify(operation.input).length > MAX_INPUT_SHOWN ? null : operation.input
    return { ...operationView(operation), input, steps: await listSteps(app.control, params.id) }
  },
})

const stream = defineStream({
  id: 'operations.stream',
  method: 'GET',
  path: '/operations/{id}/stream',
  summary: 'Follow an operation until it ends',
  description:
    '`snapshot` first, then `event` for each entry of its log and `change` when what is shown of it changed, at most ' +
    'four times a second.',
  tag: 'Operations',
  scope: 'operations:read',
  params: { id },
  errors: ['not_found'],
  events: OPERATION_EVENTS,
  async run(app, { params, lastEventId, signal }) {
    const operation = await getSummary(app.control, params.id)
    return operationEvents(app, operation, lastEventId, signal)
  },
})

const cancel = defineEndpoint({
  id: 'operations.cancel',
  method: 'POST',
  path: '/operations/{id}/cancel',
  summary: 'Ask an operation to end',
  description: 'One that runs ends at the next point where it can end in order.',
  tag: 'Operations',
  scope: 'operations:write',
  params: { id },
  body: z.strictObject({ reason: reasonText }),
  errors: ['not_found', 'conflict'],
  status: 202,
  output: OperationShape,
  location: (operation) => operationLocation(operation.id),
  run: async ({ control }, { params }) =>
    operationView(await control.transaction((tx) => requestCancel(tx, params.id))),
})

const retry = defineEndpoint({
  id: 'operations.retry',
  method: 'POST',
  path: '/operations/{id}/retry',
  summary: 'Run a failed operation again, from the step that failed',
  tag: 'Operations',
  scope: 'operations:write',
  params: { id },
  body: z.strictObject({ reason: reasonText }),
  errors: ['not_found', 'conflict'],
  status: 202,
  output: OperationShape,
  location: (operation) => operationLocation(operation.id),
  run: async ({ control }, { params }) =>
    operationView(await control.transaction((tx) => retryOperation(tx, params.id))),
})

export const operationEndpoints = [list, show, stream, cancel, retry] as const

/** Answers one request of an endpoint: check, claim the idempotency key, run, audit, shape the answer. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../api/app.ts'
import { isAudited, type AuditNote, type Endpoint } from '../api/endpoint.ts'
import { claimKey, keepAnswer, releaseKey, type KeyClaim, type KeyDecision } from '../control/idempotency.ts'
import { TenantryError, messageOf } from '../lib/errors.ts'
import type { Identity } from './authenticate.ts'
import { toJson } from './json.ts'
import { askersError } from './problem.ts'
import { record } from './record.ts'
import { checkInput, type Sent } from './validate.ts'

export interface Asking {
  readonly app: App
  readonly identity: Identity
  readonly signal: AbortSignal
}

type Input = ReturnType<typeof checkInput>

export async function answer(
  endpoint: Endpoint,
  request: FastifyRequest,
  reply: FastifyReply,
  asking: Asking,
): Promise<FastifyReply> {
  const body = request.body === undefined ? {} : request.body
  const sent = { params: request.params, query: request.query, body }
  const input = checkInput(endpoint, sent)
  const decision = await claimIfAsked(endpoint, request, sent, asking)
  if (decision?.kind === 'replay') {
    void reply.header('idempotency-replayed', 'true')
    return send(endpoint, reply, decision.response, decision.status)
  }
  const result = await runAndRecord(endpoint, input, asking, decision?.claim)
  const output = endpoint.output.parse(result)
  const status = endpoint.otherStatus?.when(output) === true ? endpoint.otherStatus.status : endpoint.status
  if (decision !== undefined) await keep(endpoint, asking, decision.claim, status, output)
  return send(endpoint, reply, output, status)
}

/** A call that fails gives its key back, so that repeating it means doing it. */
async function runAndRecord(
  endpoint: Endpoint,
  input: Input,
  asking: Asking,
  claim: KeyClaim | undefined,
): Promise<unknown> {
  const { app, identity, signal } = asking
  try {
    const asked = { ...input, caller: identity.caller, signal } as Parameters<Endpoint['run']>[1]
    const result = await endpoint.run(app, asked)
    await audit(endpoint, input, asking, 'ok', result)
    return result
  } catch (error) {
    await audit(endpoint, input, asking, askersError(error).code)
    if (claim !== undefined) {
      await releaseKey(app.control, claim).catch(reportTo(asking, 'giving the idempotency key back'))
    }
    throw error
  }
}

async function claimIfAsked(
  endpoint: Endpoint,
  request: FastifyRequest,
  input: Sent,
  asking: Asking,
): Promise<KeyDecision | undefined> {
  const key = request.headers['idempotency-key']
  if (endpoint.method !== 'POST' || key === undefined) return undefined
  if (typeof key !== 'string' || !/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new TenantryError(
      'malformed_request',
      'The Idempotency-Key must be 1 to 255 printable ASCII characters.',
    )
  }
  const { app, identity } = asking
  return claimKey(app.control, {
    principal: identity.tokenId === undefined ? 'anonymous' : `token:${identity.tokenId}`,
    key,
    route: `${endpoint.method} ${pathOf(request)}`,
    input,
  })
}

/** What was done is done: failing to keep the answer must not turn it into an error. */
async function keep(
  endpoint: Endpoint,
  asking: Asking,
  claim: KeyClaim,
  status: number,
  output: unknown,
): Promise<void> {
  const hidden = Object.fromEntries(endpoint.shownOnce.map((field) => [field, null]))
  const stored = endpoint.shownOnce.length === 0 ? output : { ...(output as object), ...hidden }
  await keepAnswer(asking.app.control, claim, status, stored).catch(
    reportTo(asking, 'keeping the answer for repetitions'),
  )
}

async function audit(
  endpoint: Endpoint,
  input: Input,
  asking: Asking,
  outcome: string,
  result?: unknown,
): Promise<void> {
  if (!isAudited(endpoint)) return
  const { actor, address, requestId } = asking.identity.caller
  const note = noteOf(endpoint, input, result)
  await record(asking.app, { actor, address, requestId, action: endpoint.id, outcome, ...note })
}

function noteOf(endpoint: Endpoint, input: Input, result: unknown): AuditNote {
  const call = input as Parameters<Endpoint['run']>[1]
  if (endpoint.audit !== undefined) return endpoint.audit(call, result)
  const target = Object.values(call.params).join('/')
  const { reason } = Object(call.body) as { reason?: unknown }
  return {
    target: target === '' ? undefined : target,
    reason: typeof reason === 'string' ? reason : undefined,
  }
}

function send(endpoint: Endpoint, reply: FastifyReply, output: unknown, status: number): FastifyReply {
  void reply.code(status)
  if (endpoint.location !== undefined) void reply.header('location', endpoint.location(output))
  if (status === 204) return reply.send()
  if (endpoint.produces !== undefined) return reply.type(endpoint.produces).send(String(output))
  // As bytes: to text the framework would add a charset, which JSON does not have.
  return reply.type('application/json').send(Buffer.from(toJson(output)))
}

function reportTo(asking: Asking, what: string): (error: unknown) => void {
  const { requestId } = asking.identity.caller
  return (error) => asking.app.log.error({ requestId, err: messageOf(error) }, `${what} failed`)
}

/** The path without the query, which may hold what should not be in logs. */
export function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0] ?? '/'
}

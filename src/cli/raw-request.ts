/** Any request, as it is. */
import { problemError } from '../client/problem.ts'
import { TenantryError, messageOf } from '../lib/errors.ts'
import type { Api } from './api.ts'
import type { Cli } from './cli.ts'
import { usageError } from './errors.ts'
import { readText } from './secret-input.ts'
import { printable, printableJson } from './terminal.ts'

interface Asked {
  readonly method: string
  readonly path: string
  readonly data: string | undefined
  readonly idempotencyKey: string | undefined
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Prints the body of the answer. @throws TenantryError for an answer that is a problem. */
export async function askRaw(cli: Cli, api: Api, asked: Asked): Promise<void> {
  const method = asked.method.toUpperCase()
  if (!METHODS.includes(method))
    throw usageError(`${asked.method} is not a method.`, `Methods: ${METHODS.join(', ')}`)
  if (!asked.path.startsWith('/'))
    throw usageError(
      `The path ${asked.path} does not begin with a slash.`,
      "Example: tenantry api GET '/tenants?limit=10'",
    )
  const body = asked.data === undefined ? undefined : await readBody(asked.data)
  const response = await send(api, method, asked, body)
  if (!response.ok) throw await problemError(response)
  if (response.status === 204) return
  const type = response.headers.get('content-type') ?? ''
  if (type.startsWith('text/event-stream')) return passOn(cli, response)
  const text = await response.text()
  cli.output.raw(/json/.test(type) ? `${printableJson(JSON.parse(text), 2)}\n` : printable(text))
}

async function readBody(data: string): Promise<string> {
  const text =
    data === '-' ? await readText('-') : data.startsWith('@') ? await readText(data.slice(1)) : data
  try {
    JSON.parse(text)
    return text
  } catch (cause) {
    throw usageError(
      `The body is not JSON: ${messageOf(cause)}`,
      `Example: --data '{"reason": "maintenance"}'`,
    )
  }
}

async function send(api: Api, method: string, asked: Asked, body: string | undefined): Promise<Response> {
  try {
    return await fetch(new URL(api.url.replace(/\/$/, '') + asked.path), {
      method,
      redirect: 'error',
      headers: {
        ...(api.token === undefined ? {} : { authorization: `Bearer ${api.token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(asked.idempotencyKey === undefined ? {} : { 'idempotency-key': asked.idempotencyKey }),
      },
      ...(body === undefined ? {} : { body }),
    })
  } catch (cause) {
    const reason =
      cause instanceof Error && cause.cause !== undefined ? messageOf(cause.cause) : messageOf(cause)
    throw new TenantryError('server_unreachable', `The API at ${api.url} cannot be reached: ${reason}`, {
      nextSteps: ['Start it with: tenantry up', 'Or point TENANTRY_URL to where it runs.'],
      cause,
    })
  }
}

async function passOn(cli: Cli, response: Response): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? [])
    cli.output.raw(printable(decoder.decode(chunk, { stream: true })))
}

/** Tokens: made, listed, revoked. A token itself is shown once, when it is made. */
import { z } from 'zod'
import { createToken, listTokens, revokeToken } from '../control/tokens.ts'
import { TenantryError } from '../lib/errors.ts'
import type { Caller } from './app.ts'
import { decodeCursor, encodeCursor } from './cursor.ts'
import { defineEndpoint } from './endpoint.ts'
import { cursorText, integerText, pageLimit, pageOf, reasonText, timestamp } from './fields.ts'
import { hasScope, SCOPE_NAMES, type Scope } from './scopes.ts'

const DAY_MS = 24 * 60 * 60 * 1000
const INT4_MAX = 2_147_483_647

const Token = z
  .object({
    id: z.int(),
    name: z.string(),
    hint: z.string().describe('Prefix and last four characters.'),
    scopes: z.array(z.string()),
    created_at: timestamp,
    expires_at: timestamp.nullable(),
    last_used_at: timestamp.nullable().describe('Noted at most once a minute.'),
    revoked_at: timestamp.nullable(),
  })
  .meta({ id: 'Token' })

const NewToken = Token.extend({
  token: z
    .string()
    .nullable()
    .describe('The token itself. Null when the answer is a repetition by idempotency key.'),
}).meta({ id: 'NewToken' })

const list = defineEndpoint({
  id: 'tokens.list',
  method: 'GET',
  path: '/tokens',
  summary: 'Tokens, newest first',
  tag: 'Tokens',
  scope: 'tokens:admin',
  query: { limit: pageLimit(), cursor: cursorText },
  status: 200,
  output: pageOf(Token),
  async run({ control }, { query: { limit, cursor } }) {
    const beforeId = decodeCursor(z.int().max(INT4_MAX), null, cursor)
    const items = (await listTokens(control, { beforeId, limit })).map((row) => ({
      ...row,
      scopes: [...row.scopes],
    }))
    const end = items.at(-1)
    return {
      items,
      next_cursor: end === undefined || items.length < limit ? null : encodeCursor(null, end.id),
    }
  },
})

const create = defineEndpoint({
  id: 'tokens.create',
  method: 'POST',
  path: '/tokens',
  summary: 'Make a token',
  description:
    'The answer is the only place where the token is ever shown. Nobody can give scopes that they lack.',
  tag: 'Tokens',
  scope: 'tokens:admin',
  body: z.strictObject({
    name: z.string().trim().min(1).max(100).describe('For whom or what it is.'),
    scopes: z.array(z.enum(SCOPE_NAMES)).min(1).max(SCOPE_NAMES.length),
    expires_in_days: z.int().min(1).max(3650).nullable().default(365).describe('Null: it does not expire.'),
    reason: reasonText,
  }),
  status: 201,
  output: NewToken,
  shownOnce: ['token'],
  audit: ({ body }, made) => ({
    target: made === undefined ? undefined : String(made.id),
    reason: body.reason,
    detail: { name: body.name, scopes: body.scopes, expires_in_days: body.expires_in_days },
  }),
  async run({ control }, { body, caller }) {
    const scopes = [...new Set(body.scopes)]
    refuseMore(scopes, caller)
    const expiresAt =
      body.expires_in_days === null ? null : new Date(Date.now() + body.expires_in_days * DAY_MS)
    const { token, row } = await createToken(control, { name: body.name, scopes, kind: 'api', expiresAt })
    return { ...row, scopes, token }
  },
})

function refuseMore(scopes: readonly Scope[], caller: Caller): void {
  const lacking = scopes.filter((scope) => !hasScope(caller.scopes, scope))
  if (lacking.length === 0) return
  throw new TenantryError(
    'forbidden',
    `Your token lacks what the new one should have: ${lacking.join(', ')}.`,
    {
      nextSteps: ['Ask for fewer scopes, or use a token with the scope admin.'],
    },
  )
}

const revoke = defineEndpoint({
  id: 'tokens.revoke',
  method: 'DELETE',
  path: '/tokens/{id}',
  summary: 'Revoke a token',
  description: 'It stops working with the next request; streams that it opened end within seconds.',
  tag: 'Tokens',
  scope: 'tokens:admin',
  params: { id: integerText({ min: 1, max: INT4_MAX }) },
  errors: ['not_found'],
  status: 204,
  output: z.void(),
  run: ({ control }, { params }) => revokeToken(control, params.id),
})

export const tokenEndpoints = [list, create, revoke] as const

import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendAudit, verifyAudit } from '../../src/control/audit.ts'
import { startTestApi, type TestApi } from './api.ts'

let api: TestApi
beforeAll(async () => {
  api = await startTestApi()
})
afterAll(() => api.close())

/** Does it as somebody with the database's password would, and takes it back. */
async function tampering(sql: string): Promise<Awaited<ReturnType<typeof verifyAudit>>> {
  const back = new Error('take it back')
  let verdict: Awaited<ReturnType<typeof verifyAudit>> | undefined
  try {
    await api.app.control.transaction(async (tx) => {
      await tx.query(sql)
      verdict = await verifyAudit(tx)
      throw back
    })
  } catch (error) {
    if (error !== back) throw error
  }
  if (verdict === undefined) throw new Error('not verified')
  return verdict
}

test('changes are recorded with who, what, on what, why and how it ended; reading is not', async () => {
  const { body: made } = await api.ask('POST', '/tokens', {
    body: { name: 'recorded', scopes: ['simulate'], reason: 'for the nightly job' },
    headers: { 'x-request-id': 'audit-1' },
  })
  await api.ask('GET', '/tokens')
  await api.ask('DELETE', `/tokens/${made.id}`)
  await api.ask('DELETE', '/tokens/1999999999')
  const poor = await api.makeToken({ name: 'poor', scopes: ['operations:read'] })
  await api.ask('DELETE', `/tokens/${made.id}`, { token: poor })
  const { body } = await api.ask('GET', '/audit')
  const actor = expect.stringMatching(/^token:\d+ test admin$/)
  expect(body.items.toReversed()).toMatchObject([
    {
      action: 'tokens.create',
      actor,
      target: String(made.id),
      reason: 'for the nightly job',
      request_id: 'audit-1',
      address: '127.0.0.1',
      outcome: 'ok',
      detail: { name: 'recorded', scopes: ['simulate'], expires_in_days: 365 },
    },
    { action: 'tokens.revoke', actor, target: String(made.id), outcome: 'ok' },
    { action: 'tokens.revoke', actor, target: '1999999999', outcome: 'not_found' },
    { action: 'tokens.revoke', actor: expect.stringMatching(/^token:\d+ poor$/), outcome: 'forbidden' },
  ])
})

test('filters find by actor, action and target', async () => {
  const { body } = await api.ask('GET', '/audit?action=tokens.revoke&target=1999999999')
  expect(body.items).toHaveLength(1)
  const { body: none } = await api.ask('GET', '/audit?actor=nobody')
  expect(none.items).toEqual([])
})

test('many writers at once make one chain', async () => {
  const { control } = api.app
  await Promise.all(
    Array.from({ length: 40 }, (_, n) =>
      appendAudit(control, { actor: `a${n}`, action: 'test', outcome: 'ok', detail: { n } }),
    ),
  )
  const verdict = await verifyAudit(control)
  expect(verdict).toMatchObject({ intact: true, problem: null })
  expect(verdict.rows).toBeGreaterThanOrEqual(44)
})

test('hostile text is kept as text', async () => {
  const hostile = 'a\0b \ud800 \u001b[2J <img src=x onerror=alert(1)>'
  await appendAudit(api.app.control, {
    actor: hostile,
    action: 'test',
    target: hostile,
    reason: hostile,
    outcome: 'ok',
    detail: { [hostile]: hostile },
  })
  const { body } = await api.ask('GET', '/audit?limit=1')
  expect(body.items[0].target).toBe('a\ufffdb \ufffd \u001b[2J <img src=x onerror=alert(1)>')
  expect((await verifyAudit(api.app.control)).intact).toBe(true)
})

/** What a forger with the owner's rights would do first. */
async function switchGuardOff(): Promise<void> {
  await api.app.control.query('alter table tenantry.audit_log disable trigger audit_log_only_grows')
}

test('a row is neither changed nor removed in passing', async () => {
  const { control } = api.app
  const guarded = expect.objectContaining({ code: '23514' })
  await expect(control.query(`update tenantry.audit_log set actor = 'x'`)).rejects.toEqual(guarded)
  await expect(control.query('delete from tenantry.audit_log')).rejects.toEqual(guarded)
  await expect(control.query('truncate tenantry.audit_log')).rejects.toEqual(guarded)
  await switchGuardOff()
})

test.each([
  ['a changed actor', `update tenantry.audit_log set actor = 'somebody else' where seq = 2`, 2],
  ['a changed outcome', `update tenantry.audit_log set outcome = 'ok' where seq = 3`, 3],
  ['a changed detail', `update tenantry.audit_log set detail = '{"name": "other"}' where seq = 1`, 1],
  ['a moved time', `update tenantry.audit_log set at = at - interval '1 hour' where seq = 4`, 4],
  ['a missing row', `delete from tenantry.audit_log where seq = 3`, 3],
  ['a missing first row', `delete from tenantry.audit_log where seq = 1`, 1],
  ['a forged hash', `update tenantry.audit_log set hash = sha256('x') where seq = 2`, 2],
  [
    'two rows swapped',
    `update tenantry.audit_log a set actor = b.actor, action = b.action, outcome = b.outcome,
      target = b.target, at = b.at, detail = b.detail, hash = b.hash
    from tenantry.audit_log b where (a.seq, b.seq) in ((2, 3), (3, 2))`,
    2,
  ],
])('%s is found at its row', async (_what, sql, seq) => {
  const verdict = await tampering(sql)
  expect(verdict.intact).toBe(false)
  expect(verdict.problem?.seq).toBe(seq)
})

test('a cut-off end is found by who kept the head', async () => {
  const { control } = api.app
  const { body: head } = await api.ask('GET', '/audit/verify')
  expect(head).toMatchObject({ intact: true, problem: null })
  const known = `seq=${head.head.seq}&hash=${head.head.hash}`
  expect((await api.ask('GET', `/audit/verify?${known}`)).body.intact).toBe(true)
  await control.query('delete from tenantry.audit_log where seq = $1', [head.head.seq])
  expect((await api.ask('GET', '/audit/verify')).body.intact).toBe(true)
  const { body: cut } = await api.ask('GET', `/audit/verify?${known}`)
  expect(cut).toMatchObject({ intact: false, problem: { seq: head.head.seq } })
  await appendAudit(control, { actor: 'forger', action: 'test', outcome: 'ok' })
  const { body: rewritten } = await api.ask('GET', `/audit/verify?${known}`)
  expect(rewritten).toMatchObject({ intact: false, problem: { seq: head.head.seq } })
})

test('the head is given as a whole', async () => {
  const answered = await api.ask('GET', '/audit/verify?seq=3')
  expect([answered.status, answered.body.code]).toEqual([422, 'invalid_input'])
})

test('an audit row that cannot be stored is in the log instead, and the request is answered', async () => {
  await api.app.control.query('alter table tenantry.audit_log add constraint closed check (false) not valid')
  const answered = await api.ask('POST', '/tokens', { body: { name: 'unrecorded', scopes: ['simulate'] } })
  await api.app.control.query('alter table tenantry.audit_log drop constraint closed')
  expect(answered.status).toBe(201)
  const line = api.log.find((entry) => entry.includes('the audit row could not be stored'))
  expect(JSON.parse(line ?? '{}').audit).toMatchObject({
    action: 'tokens.create',
    target: String(answered.body.id),
  })
})

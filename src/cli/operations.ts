/** Operations as the command line waits for them. */
import type { ErrorCode } from '../lib/error-codes.ts'
import { TenantryError } from '../lib/errors.ts'
import type { Answer, Api } from './api.ts'
import type { Cli } from './cli.ts'
import { EXIT } from './errors.ts'
import { count, moment } from './format.ts'
import type { WaitOptions } from './options.ts'
import type { View } from './output.ts'
import { bar, ProgressLine } from './progress.ts'
import { stopSignal } from './signals.ts'

export type Operation = Answer<'operations.cancel'>

export const OPERATION_VIEW: View<Operation> = {
  name: (operation) => operation.id,
  columns: [
    { title: 'ID', value: (operation) => operation.id },
    { title: 'KIND', value: (operation) => operation.kind },
    { title: 'STATE', value: (operation) => operation.state },
    { title: 'PROGRESS', value: progressText },
    { title: 'CREATED', value: (operation) => moment(operation.created_at) },
    { title: 'FINISHED', value: (operation) => moment(operation.finished_at), wide: true },
    { title: 'ATTEMPTS', value: (operation) => operation.attempts, wide: true, right: true },
    { title: 'BY', value: (operation) => operation.created_by, wide: true },
    { title: 'ERROR', value: (operation) => operation.error?.message ?? null, wide: true },
  ],
}

/** `1,200/100,000` where an operation counts; empty where it does not. */
function progressText({ progress }: Operation): string {
  const { total, completed } = progress
  return typeof total === 'number' && typeof completed === 'number'
    ? `${count(completed)}/${count(total)}`
    : ''
}

/**
 * Waits for an operation and shows how far it is.
 * @returns the operation when it has succeeded; undefined when the watcher let go.
 * @throws TenantryError its own error when it failed; `wait_timeout`.
 */
export async function followOperation(
  cli: Cli,
  api: Api,
  id: string,
  options: WaitOptions & { stop?: AbortSignal },
): Promise<Operation | undefined> {
  const stop = options.stop ?? stopSignal()
  const deadline = options.timeout === undefined ? [] : [AbortSignal.timeout(options.timeout)]
  const last = await follow(cli, api, id, AbortSignal.any([stop, ...deadline]))
  if (stop.aborted) {
    cli.output.say(`The operation continues; cancel it with: tenantry operation cancel ${id}`)
    return undefined
  }
  if (last === undefined || !hasEnded(last)) {
    throw new TenantryError('wait_timeout', `Operation ${id} has not ended yet; it continues.`, {
      nextSteps: [`Go on watching: tenantry operation watch ${id}`],
    })
  }
  if (last.state !== 'succeeded') throw failureOf(last)
  return last
}

function hasEnded(operation: Operation): boolean {
  return ['succeeded', 'failed', 'cancelled'].includes(operation.state)
}

function failureOf({ id, kind, state, error }: Operation): TenantryError {
  const code = (error?.code ?? 'conflict') as ErrorCode
  return new TenantryError(code, error?.message ?? `Operation ${id} (${kind}) was ${state}.`, {
    sqlstate: error?.sqlstate,
    nextSteps:
      error?.nextSteps ?? (state === 'failed' ? [`Try it again: tenantry operation retry ${id}`] : []),
  })
}

async function follow(cli: Cli, api: Api, id: string, signal: AbortSignal): Promise<Operation | undefined> {
  const line = new ProgressLine({
    live: cli.terminal.live,
    columns: () => process.stderr.columns || 80,
    write: (text) => cli.output.screen(text),
  })
  let last: Operation | undefined
  let lost = false
  try {
    const onReconnect = (reason: string): void => {
      if (!lost) line.log(`Connection lost (${reason}); trying again.`)
      lost = true
    }
    for await (const received of api.stream(api.at('operations.stream'), {
      params: { id },
      signal,
      onReconnect,
    })) {
      lost = false
      if (cli.output.format === 'jsonl') cli.output.event(received)
      if (received.event === 'event') continue
      last = received.data
      line.update(operationLine(last))
    }
    return last
  } finally {
    line.end()
  }
}

function operationLine(operation: Operation): string {
  const { total, completed } = operation.progress
  const text = `${operation.kind} ${operation.state}`
  if (typeof total !== 'number' || typeof completed !== 'number' || total === 0) return text
  return `${text} ${bar(completed / total)} ${count(completed)}/${count(total)}`
}

/**
 * For commands that start an operation: waits unless told not to, and prints what it found.
 * @param describe the result in words, for people
 */
export async function settle(
  cli: Cli,
  api: Api,
  started: { operation_id: string; state: string },
  options: WaitOptions,
  describe: (result: Record<string, unknown>) => string,
): Promise<number> {
  if (options.wait === false) {
    cli.output.value(started, started.operation_id)
    cli.output.say(`Watch it: tenantry operation watch ${started.operation_id}`)
    return EXIT.ok
  }
  const ended = await followOperation(cli, api, started.operation_id, options)
  if (ended === undefined) return EXIT.interrupted
  if (cli.output.format !== 'jsonl') cli.output.value(ended, describe(ended.result ?? {}))
  return EXIT.ok
}

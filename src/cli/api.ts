/** The API as the command line reaches it: where it is, with which token. */
import { readFile, stat } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'
import { resolve } from 'node:path'
import type { z } from 'zod'
import { endpointOf, type EndpointId } from '../api/index.ts'
import { createClient, type Client } from '../client/client.ts'
import { readConfig, type Config } from '../config.ts'
import { readTokenFile } from '../control/first-token.ts'
import { TenantryError } from '../lib/errors.ts'

export interface Api extends Client {
  readonly url: string
  readonly token: string | undefined
  /** The endpoint with this id, to be called or streamed. */
  readonly at: typeof endpointOf
}

/** What an endpoint answers. */
export type Answer<Id extends EndpointId> =
  ReturnType<typeof endpointOf<Id>> extends { readonly output: infer O extends z.ZodType }
    ? z.output<O>
    : never

/** One row of a list. */
export type Item<Id extends EndpointId> = Answer<Id> extends { items: (infer Row)[] } ? Row : never

export interface Reach {
  readonly url?: string | undefined
  readonly tokenFile?: string | undefined
}

/**
 * Order of precedence: flags, environment, what a running `tenantry up` of this directory left behind, the defaults.
 * @throws TenantryError when a token file that was named cannot be used.
 */
export async function reachApi(flags: Reach, directory = process.cwd()): Promise<Api> {
  const config = readConfig({ directory })
  const url =
    flags.url ??
    config.apiUrl ??
    (await runningApi(config)) ??
    `http://127.0.0.1:${config.listen.port || 8001}`
  checkUrl(url)
  const token = await findToken(
    config,
    flags.tokenFile === undefined ? undefined : resolve(directory, flags.tokenFile),
  )
  return apiAt(url, token)
}

export function apiAt(url: string, token: string | undefined): Api {
  return { ...createClient({ url, token }), url, token, at: endpointOf }
}

function checkUrl(url: string): void {
  if (URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return
  throw new TenantryError('invalid_input', `--url ${JSON.stringify(url)} is not the address of an API.`, {
    nextSteps: ['Example: --url http://127.0.0.1:8001'],
  })
}

async function findToken(config: Config, given: string | undefined): Promise<string | undefined> {
  const file = given ?? config.tokenFile
  const token = await readTokenFile(file)
  if (token !== undefined || (given === undefined && !config.tokenFileIsChosen)) return token
  throw new TenantryError('invalid_config', `The token file ${file} does not exist.`, {
    nextSteps: ['tenantry up makes one at its first start; tenantry token create makes more.'],
  })
}

/**
 * The API of a `tenantry up` in this directory. The file names an address of this machine or is not followed: it may
 * have come with somebody else's files, and the token goes there.
 */
async function runningApi(config: Config): Promise<string | undefined> {
  const file = config.apiFile
  try {
    const { uid } = await stat(file)
    if (uid !== process.getuid?.() && uid !== 0) return undefined
    const { url } = JSON.parse(await readFile(file, 'utf8')) as { url: string }
    return isOwnAddress(new URL(url).hostname) ? url : undefined
  } catch {
    // Not there, or not ours to understand: nothing is running in this directory.
    return undefined
  }
}

function isOwnAddress(host: string): boolean {
  const address = host.replace(/^\[(.*)\]$/, '$1')
  const own = Object.values(networkInterfaces()).flatMap((entries) => entries ?? [])
  return address === 'localhost' || own.some((entry) => entry.address === address)
}

/** Which rollout a command means: nobody types 36 characters twice. */
import { InvalidArgumentError } from 'commander'
import type { Api } from '../api.ts'
import type { Cli } from '../cli.ts'
import { action } from '../action.ts'

const WHOLE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Among how many of the newest rollouts the beginning of an id is looked up. */
const LOOKED_AT = 200

export const ROLLOUT_ARGUMENT = 'its id, the beginning of it, or latest'

/** For commander: the text as it is. */
export function readRollout(text: string): string {
  if (text !== 'latest' && !/^[0-9a-f][0-9a-f-]{3,35}$/i.test(text)) {
    throw new InvalidArgumentError(
      'It is not an id such as 3f2a9c01-…, four or more characters of one, or latest.',
    )
  }
  return text
}

type Work<Options> = (cli: Cli, api: Api, id: string, options: Options) => Promise<number | void>

/** An action on one rollout, which is found first. */
export function rolloutAction<Options = object>(work: Work<Options>): (...given: unknown[]) => Promise<void> {
  return action<Options>(async (cli, options, text = '') => {
    const api = await cli.api()
    return work(cli, api, await findRollout(api, text), options)
  })
}

/** @throws TenantryError `invalid_input` when the beginning of an id fits none or several. */
async function findRollout(api: Api, text: string): Promise<string> {
  if (WHOLE_ID.test(text)) return text
  const query = { limit: text === 'latest' ? 1 : LOOKED_AT }
  const { items } = await api.call(api.at('rollouts.list'), { query })
  const ids = items.map((rollout) => rollout.job_id)
  const found = text === 'latest' ? ids : ids.filter((id) => id.startsWith(text.toLowerCase()))
  const [only] = found
  if (only !== undefined && found.length === 1) return only
  const { usageError } = await import('../errors.ts')
  const none = text === 'latest' ? 'There is no rollout yet.' : `No rollout begins with ${text}.`
  throw found.length === 0
    ? usageError(none, 'List them with: tenantry rollout list')
    : usageError(`${found.length} rollouts begin with ${text}.`, ...found.slice(0, 5))
}

/** What compose.yaml and the Dockerfile say, with the places of this machine in it instead of those in containers. */
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { parse } from 'yaml'

export const ROOT = path.resolve(import.meta.dirname, '../..')

interface ComposeService {
  readonly command: readonly string[]
  readonly entrypoint: readonly string[]
  readonly environment: Readonly<Record<string, string | number>>
  readonly secrets: readonly string[]
  readonly volumes: readonly string[]
  readonly deploy?: { readonly replicas: number }
}

export type ServiceName = 'control' | 'tenants' | 'pgbouncer' | 'api' | 'worker'

export async function readCompose(): Promise<Record<ServiceName, ComposeService>> {
  const text = await readFile(path.join(ROOT, 'compose.yaml'), 'utf8')
  const { services } = parse(text, { merge: true }) as { services: Record<ServiceName, ComposeService> }
  return services
}

/** The lines of the Dockerfile's last stage, continuations joined: instruction and what follows it. */
export async function readDockerfile(): Promise<{ instruction: string; rest: string }[]> {
  const text = await readFile(path.join(ROOT, 'Dockerfile'), 'utf8')
  const lines = text.replaceAll(/\\\n\s*/g, '').split('\n')
  return lines.flatMap((line) => {
    const match = /^([A-Z]+)\s+(.*)$/.exec(line)
    return match === null ? [] : [{ instruction: match[1] ?? '', rest: match[2] ?? '' }]
  })
}

/** The environment that the image gives to every container of it. */
export async function imageEnvironment(): Promise<Record<string, string>> {
  const lines = await readDockerfile()
  const pairs = lines
    .filter(({ instruction }) => instruction === 'ENV')
    .flatMap(({ rest }) => rest.split(' '))
    .map((pair) => pair.split('=') as [string, string])
  return Object.fromEntries(pairs)
}

/**
 * Replaces each place by its stand-in, in one pass: a stand-in may hold what is another place's name.
 * @throws Error when the text does not name one of the places: then the test no longer tries what is written there
 */
export function adapt(text: string, standIns: Readonly<Record<string, string>>): string {
  for (const place of Object.keys(standIns)) {
    if (!text.includes(place)) throw new Error(`${place} is not in:\n${text}`)
  }
  const places = new RegExp(
    Object.keys(standIns)
      .map((place) => RegExp.escape(place))
      .join('|'),
    'g',
  )
  return text.replaceAll(places, (place) => standIns[place] ?? '')
}

/** As Compose hands it on: `$$` is a dollar sign. @throws Error for anything that Compose would fill in itself */
export function unescapeDollars(text: string): string {
  if (/(?<!\$)(?:\$\$)*\$(?!\$)/.test(text)) throw new Error(`Compose would fill in a variable in:\n${text}`)
  return text.replaceAll('$$', '$')
}

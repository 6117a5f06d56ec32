/** The image cannot be built in tests; what can be known of it without that is looked at here. */
import { access, readFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { SETTINGS } from '../../src/config.ts'
import { imageEnvironment, readCompose, readDockerfile, ROOT } from './compose-files.ts'

const lines = await readDockerfile()
const compose = await readCompose()

describe('Dockerfile', () => {
  test('copies files that exist and that .dockerignore lets through', async () => {
    const ignored = (await readFile(path.join(ROOT, '.dockerignore'), 'utf8')).trim().split('\n')
    expect(ignored[0]).toBe('**')
    const sources = lines
      .filter(({ instruction, rest }) => instruction === 'COPY' && !rest.startsWith('--from'))
      .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1))
    expect(sources).toEqual(expect.arrayContaining(['bin', 'src', 'migrations', 'package-lock.json']))
    for (const source of sources) {
      await access(path.join(ROOT, source))
      expect(ignored).toContain(`!${source}`)
    }
  })

  test('builds with a script of package.json, with the Node that the program needs', async () => {
    const { scripts } = JSON.parse(await readFile(path.join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>
    }
    const commands = lines.filter(({ instruction }) => instruction === 'RUN').map(({ rest }) => rest)
    const named = commands.flatMap((command) => [...command.matchAll(/npm run ([\w:]+)/g)])
    expect(named.map((match) => match[1])).toEqual(['build'])
    expect(scripts['build']).toBeDefined()
    const images = lines.filter(({ instruction }) => instruction === 'FROM').map(({ rest }) => rest)
    expect(images.map((image) => image.split(' ')[0])).toEqual(['node:24-slim', 'node:24-slim'])
  })

  test('whatever the program writes is in the volume', async () => {
    const [volume] = lines.filter(({ instruction }) => instruction === 'VOLUME').map(({ rest }) => rest)
    const environment = await imageEnvironment()
    const settings = Object.keys(environment).filter((name) => name !== 'NODE_ENV')
    expect(Object.keys(SETTINGS)).toEqual(expect.arrayContaining(settings))
    for (const name of ['TENANTRY_STATE_DIR', 'SQL_VERSIONS_DIR']) {
      expect(`${environment[name]}/`).toContain(`${volume}/`)
      expect(compose.api.environment[name] ?? environment[name]).toBe(environment[name])
    }
    expect(compose.api.volumes).toContain(`state:${volume}`)
    expect(compose.worker.volumes).toEqual(compose.api.volumes)
  })
})

/** What can be seen from this side (the API, the token), then what the API sees of the rest. */
import { messageOf, TenantryError } from '../lib/errors.ts'
import { findingsOf, type Finding } from '../lib/finding.ts'
import type { Api } from './api.ts'
import type { Cli } from './cli.ts'
import { EXIT } from './errors.ts'
import type { View } from './output.ts'
import { oneLine, paint, type Terminal } from './terminal.ts'

const VIEW: View<Finding> = {
  name: (finding) => finding.check,
  columns: [
    { title: 'STATUS', value: (finding) => finding.status.toUpperCase() },
    { title: 'SUBJECT', value: (finding) => finding.subject },
    { title: 'CHECK', value: (finding) => finding.check },
    { title: 'MESSAGE', value: (finding) => finding.message },
    { title: 'FIX', value: (finding) => finding.fix },
  ],
}

/** @returns exit code 1 when something fails. */
export async function runDoctor(cli: Cli, reach: { url?: string; tokenFile?: string }): Promise<number> {
  const findings = await examine(cli, reach)
  const isText = cli.output.format === 'table'
  if (isText) cli.output.raw(findings.map((finding) => lineOf(finding, cli.terminal)).join(''))
  else cli.output.list(findings, VIEW)
  return findings.some((finding) => finding.status === 'fail') ? EXIT.failure : EXIT.ok
}

async function examine(cli: Cli, reach: { url?: string; tokenFile?: string }): Promise<Finding[]> {
  const { ok, warn, fail } = findingsOf('command line')
  let api: Api
  try {
    api = await cli.api()
  } catch (error) {
    return [failed(fail, 'cli.settings', error)]
  }
  const token =
    api.token === undefined
      ? warn('cli.token', 'no token was found', 'Say --token-file FILE or set TENANTRY_TOKEN_FILE.')
      : ok('cli.token', reach.tokenFile ?? 'found, readable by its owner alone')
  const findings = [token, transport(api.url)]
  try {
    const { items } = await api.call(api.at('doctor.examine'))
    return [...findings, ok('cli.api', `${api.url} answers`), ...items]
  } catch (error) {
    return [...findings, failed(fail, 'cli.api', error)]
  }
}

function failed(
  fail: (check: string, message: string, fix?: string) => Finding,
  check: string,
  error: unknown,
): Finding {
  const fix = error instanceof TenantryError ? error.facts.nextSteps?.join(' ') : undefined
  return fail(check, messageOf(error), fix)
}

function transport(url: string): Finding {
  const { ok, warn } = findingsOf('command line')
  const { protocol, hostname } = new URL(url)
  const isLocal = /^(localhost|127\..*|\[::1\])$/.test(hostname)
  return protocol === 'https:' || isLocal
    ? ok('cli.tls', isLocal ? 'the API is on this machine' : 'the API is asked over TLS')
    : warn(
        'cli.tls',
        'the token travels unencrypted',
        'Put TLS in front of the API and use an https:// address.',
      )
}

function lineOf(finding: Finding, terminal: Terminal): string {
  const colour = { ok: 'green', warn: 'yellow', fail: 'red' } as const
  const status = paint(terminal, colour[finding.status], finding.status.toUpperCase().padEnd(4))
  const fix = finding.fix === null ? '' : `        → ${oneLine(finding.fix)}\n`
  return `${status}  ${oneLine(`${finding.subject}: ${finding.message}`)}\n${fix}`
}

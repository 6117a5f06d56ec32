/** Certificates made for one test, with Debian's openssl. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { programPath } from './programs.ts'

export interface Authority {
  readonly name: string
  /** PEM. */
  readonly certificate: string
}

export interface Certificate {
  /** PEM. */
  readonly certificate: string
  readonly key: string
}

/** An authority of its own; its files are kept in `directory`. */
export function makeAuthority(directory: string, name: string): Authority {
  const files = `-subj /CN=${name} -keyout ${name}.key -out ${name}.crt`
  openssl(directory, `req -x509 -newkey rsa:2048 -sha256 -nodes -days 2 ${files}`)
  return { name, certificate: readFileSync(path.join(directory, `${name}.crt`), 'utf8') }
}

/** A server's certificate for `host`, signed by the authority with SHA-384. */
export function makeCertificate(directory: string, authority: Authority, host: string): Certificate {
  openssl(directory, 'req -newkey rsa:2048 -nodes -subj /CN=server -keyout server.key -out server.csr')
  writeFileSync(path.join(directory, 'server.ext'), `subjectAltName=${host}\n`)
  const signer = `-CA ${authority.name}.crt -CAkey ${authority.name}.key -CAcreateserial`
  openssl(directory, `x509 -req -in server.csr -sha384 -days 2 -extfile server.ext ${signer} -out server.crt`)
  const read = (file: string): string => readFileSync(path.join(directory, file), 'utf8')
  return { certificate: read('server.crt'), key: read('server.key') }
}

function openssl(directory: string, command: string): void {
  execFileSync(programPath('openssl'), command.split(' '), { cwd: directory, stdio: 'pipe' })
}

/**
 * Lets the real psql say where statements end: it runs against a server of a few lines that answers every query
 * with "empty" and keeps what it was sent.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const MARKER = 'select $next file$'

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5)
  head.write(type, 0, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

const READY = message('Z', Buffer.from('I'))
const EMPTY_ANSWER = Buffer.concat([message('I', Buffer.alloc(0)), READY])
const HELLO = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('S', Buffer.from('client_encoding\0UTF8\0')),
  message('S', Buffer.from('server_version\x0018.0\0')),
  message('S', Buffer.from('standard_conforming_strings\0on\0')),
  READY,
])

function serve(socket: Socket, queries: string[]): void {
  let waiting = Buffer.alloc(0)
  let started = false
  socket.on('data', (chunk) => {
    waiting = Buffer.concat([waiting, chunk])
    for (;;) {
      const lengthAt = started ? 1 : 0
      if (waiting.length < lengthAt + 4) return
      const size = lengthAt + waiting.readInt32BE(lengthAt)
      if (waiting.length < size) return
      const packet = waiting.subarray(0, size)
      waiting = waiting.subarray(size)
      if (!started) {
        started = true
        socket.write(HELLO)
      } else if (packet.toString('latin1', 0, 1) === 'Q') {
        queries.push(packet.toString('utf8', 5, size - 1))
        socket.write(EMPTY_ANSWER)
      }
    }
  })
}

/** What psql sends for each of the files, in order. */
export async function askPsql(psql: string, files: readonly string[]): Promise<string[][]> {
  const queries: string[] = []
  const server = createServer((socket) => serve(socket, queries))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const folder = await mkdtemp(join(tmpdir(), 'tenantry-psql-'))
  try {
    const args: string[] = []
    for (const [index, text] of files.entries()) {
      const path = join(folder, `${index}.sql`)
      await writeFile(path, text)
      args.push('-f', path, '-c', `${MARKER}$next file$`)
    }
    const { port } = server.address() as AddressInfo
    await promisify(execFile)(
      psql,
      ['-X', '-q', `host=127.0.0.1 port=${port} user=u dbname=d sslmode=disable gssencmode=disable`, ...args],
      { maxBuffer: 64 * 2 ** 20 },
    )
  } finally {
    server.close()
    await rm(folder, { recursive: true })
  }
  const groups: string[][] = [[]]
  for (const query of queries) {
    if (query.startsWith(MARKER)) groups.push([])
    else groups.at(-1)!.push(query)
  }
  return groups.slice(0, -1)
}

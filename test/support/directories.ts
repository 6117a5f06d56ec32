/** Directories of test servers: made where every user can enter, and cleared of what killed runs left behind. */
import { chmod, mkdtemp, readdir, readFile, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { isRunning, processesIn, signal, waitUntilGone } from '../../src/engine/processes.ts'

const PREFIX = 'tenantry-test-'
/** MySQL runs by a loader of its own. */
const SERVERS = ['postgres', 'mariadbd', 'mysqld', 'ld-linux-x86-64.so.2', 'ld-linux-aarch64.so.1']

/** A new directory that the server's user can pass through; its owner's pid is part of the name. */
export async function testDirectory(name: string): Promise<string> {
  const directory = await mkdtemp(path.join(tmpdir(), `${PREFIX}${process.pid}-${name}-`))
  await chmod(directory, 0o711)
  return directory
}

/** Ends the servers of test runs that were killed before they could, and removes their directories. */
export async function clearLeftBehind(): Promise<void> {
  const temporary = await realpath(tmpdir())
  for (const name of await readdir(temporary)) {
    const owner = /^tenantry-test-(\d+)-/.exec(name)?.[1]
    if (owner === undefined || (await isRunning(Number(owner)))) continue
    const directory = path.join(temporary, name)
    const { uid } = await stat(directory)
    if (uid !== process.getuid?.()) continue
    const data = path.join(directory, 'data')
    const pids: number[] = []
    for (const program of SERVERS) pids.push(...(await processesIn(data, program)))
    for (const pid of pids) signal(pid, 'SIGKILL')
    await waitUntilGone(pids, 5_000)
    await rm(directory, { recursive: true, force: true })
  }
}

/** The end of a server's log, for the message of a failed test. */
export async function logTail(file: string, lines = 20): Promise<string> {
  return (await readFile(file, 'utf8')).trim().split('\n').slice(-lines).join('\n')
}

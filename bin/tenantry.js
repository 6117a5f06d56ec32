#!/usr/bin/env node
// Starts the command line with Node 24: this one when it is new enough, else the one that npm brought.
// Plain JavaScript that any Node can read; what it starts is built code when there is some, else the source.
import { existsSync } from 'node:fs'
import module from 'node:module'
import { fileURLToPath } from 'node:url'

const MAJOR = 24
/** A worker makes much that lives shortly: with a small nursery its memory stays flat over 100,000 tenants. */
const NODE_OPTIONS = ['--max-semi-space-size=4']
const OWN_FILE = fileURLToPath(import.meta.url)

if (Number(process.versions.node.split('.')[0]) >= MAJOR) {
  await start()
} else {
  const node = findNode()
  if (node === undefined) refuse()
  else await startWith(node)
}

async function start() {
  // Types are stripped and code compiled once, not at every command: that is most of a short command's time.
  module.enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/tenantry', import.meta.url)))
  const built = new URL('../dist/cli/main.js', import.meta.url)
  const { main } = await import(existsSync(built) ? built.href : '../src/cli/main.ts')
  await main(process.argv.slice(2))
}

/** @returns {string | undefined} path of a Node 24 among the installed packages */
function findNode() {
  try {
    return module.createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/bin/node`)
  } catch {
    return undefined
  }
}

function refuse() {
  console.error(
    `tenantry needs Node ${MAJOR}; this is Node ${process.versions.node}, and npm has not brought another one.\n` +
      `Run npm ci in ${fileURLToPath(new URL('..', import.meta.url))}, or start it with Node ${MAJOR} from https://nodejs.org`,
  )
  process.exit(1)
}

/** Runs the same command with another Node: same terminal, signals passed on, same end. */
async function startWith(node) {
  // oxlint-disable-next-line no-restricted-imports -- before there is a Node for src/engine
  const { spawn } = await import('node:child_process')
  // The channel only lets the child notice when this process is gone.
  const child = spawn(node, [...NODE_OPTIONS, OWN_FILE, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  })
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']
  for (const signal of signals) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    console.error(`tenantry could not be started with ${node}: ${error.message}`)
    process.exit(1)
  })
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1)
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}

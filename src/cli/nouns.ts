/** The commands by their first word; what is behind each is loaded when it is called. */
import type { Command } from 'commander'

interface Noun {
  readonly name: string
  readonly summary: string
  readonly group: 'Run' | 'Fleet' | 'Change' | 'Steer' | 'Help'
  /** Adds arguments, options, sub-commands and what they do. */
  load(): Promise<{ define(command: Command): void }>
}

const noun = (group: Noun['group'], name: string, summary: string, load: Noun['load']): Noun => ({
  name,
  summary,
  group,
  load,
})

export const NOUNS: readonly Noun[] = [
  noun(
    'Run',
    'up',
    'run API and workers here, with a PostgreSQL of its own unless DATABASE_URL is set',
    () => import('./commands/up.ts'),
  ),
  noun(
    'Run',
    'serve',
    'run API, workers or both on the control database in DATABASE_URL',
    () => import('./commands/serve.ts'),
  ),
  noun(
    'Run',
    'demo',
    'show rollouts on hundreds of real databases, made for it',
    () => import('./commands/demo.ts'),
  ),
  noun('Run', 'doctor', 'examine this installation and say what to do', () => import('./commands/doctor.ts')),
  noun(
    'Fleet',
    'server',
    'servers, and directories of SQLite files, that hold tenants',
    () => import('./commands/server.ts'),
  ),
  noun('Fleet', 'tenant', 'tenant databases and schemas', () => import('./commands/tenant.ts')),
  noun(
    'Change',
    'schema',
    'inspect, compare and change schemas; only validate and sync need a service',
    () => import('./commands/schema.ts'),
  ),
  noun('Change', 'snapshot', 'schemas as data, kept with history', () => import('./commands/snapshot.ts')),
  noun('Change', 'version', 'schema changes, each with its way back', () => import('./commands/version.ts')),
  noun('Change', 'rollout', 'bring a version to tenants, in waves', () => import('./commands/rollout.ts')),
  noun(
    'Change',
    'drift',
    'tenants whose schema is not what it should be',
    () => import('./commands/drift.ts'),
  ),
  noun(
    'Change',
    'adopt',
    'take over tenants that another tool has migrated',
    () => import('./commands/adopt.ts'),
  ),
  noun('Change', 'simulate', 'test databases', () => import('./commands/simulate.ts')),
  noun(
    'Change',
    'benchmark',
    'measure rollouts on this installation',
    () => import('./commands/benchmark.ts'),
  ),
  noun(
    'Steer',
    'operation',
    'everything that takes longer than a request',
    () => import('./commands/operation.ts'),
  ),
  noun('Steer', 'schedule', 'operations that start by the clock', () => import('./commands/schedule.ts')),
  noun('Steer', 'token', 'who may ask for what', () => import('./commands/token.ts')),
  noun('Steer', 'audit', 'who did what', () => import('./commands/audit.ts')),
  noun('Steer', 'api', 'any request to the API, as it is', () => import('./commands/api.ts')),
  noun('Help', 'completion', 'completion for bash, zsh and fish', () => import('./commands/completion.ts')),
  noun(
    'Help',
    'help',
    'help on a command, on exit-codes, or on the environment',
    () => import('./commands/help.ts'),
  ),
]

/** Loads what is behind one command. */
export async function defineNoun(command: Command): Promise<void> {
  const found = NOUNS.find(({ name }) => name === command.name())
  if (found !== undefined) (await found.load()).define(command)
}

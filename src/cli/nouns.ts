/** The commands by their first word; what is behind each is loaded when it is called. */
import type { Command } from 'commander'

export interface Noun {
  readonly name: string
  readonly summary: string
  readonly group: 'Run' | 'Fleet' | 'Change' | 'Look and steer' | 'Help'
  /** Adds arguments, options, sub-commands and what they do. */
  load(): Promise<{ define(command: Command): void }>
}

export const NOUNS: readonly Noun[] = [
  {
    name: 'up',
    group: 'Run',
    summary: 'run API and workers on this machine, with an embedded PostgreSQL unless DATABASE_URL is set',
    load: () => import('./commands/up.ts'),
  },
  {
    name: 'serve',
    group: 'Run',
    summary: 'run the API, workers or both on the control database in DATABASE_URL',
    load: () => import('./commands/serve.ts'),
  },
]

import type { Command } from 'commander'
import { action } from '../action.ts'

export function define(doctor: Command): void {
  doctor.addHelpText('after', '\nExit code 1 when something fails; warnings do not count.').action(
    action<{ url?: string; tokenFile?: string }>(async (cli, options) => {
      const { runDoctor } = await import('../doctor.ts')
      return runDoctor(cli, options)
    }),
  )
}

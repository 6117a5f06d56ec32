/** Options that tell how a plan is made and what it may do. */
import { Option, type Command } from 'commander'
import { parseAllowed } from '../schema/plan/allow.ts'
import { HAZARDS, type HazardName } from '../schema/plan/hazards.ts'

export interface Planning {
  readonly allow?: readonly (HazardName | 'all')[]
  readonly style?: 'online' | 'plain' | 'auto'
}

const NAMES = [...Object.keys(HAZARDS), 'all']

export function withPlanning(command: Command): Command {
  return command
    .addOption(
      new Option('--allow <hazards>', `what is meant, by name: ${NAMES.join(', ')}`).argParser(
        (text: string) => text.split(',').map((name) => name.trim()),
      ),
    )
    .addOption(
      new Option(
        '--style <style>',
        'online: no avoidable lock; plain: short; auto: plain for small tables',
      ).choices(['online', 'plain', 'auto']),
    )
}

/** @throws TenantryError `invalid_input` for a name that is none */
export function readAllowed({ allow = [] }: Planning): (HazardName | 'all')[] {
  parseAllowed(allow)
  return [...allow]
}

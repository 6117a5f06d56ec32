import type { Command } from 'commander'
import { defineLooking } from './rollout-look.ts'
import { defineStart } from './rollout-start.ts'
import { defineSteering } from './rollout-steer.ts'

export function define(rollout: Command): void {
  defineStart(rollout)
  defineLooking(rollout)
  defineSteering(rollout)
}

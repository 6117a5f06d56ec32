/** Ends the run's output with the tests that were skipped for want of a program, and how to enable them. */
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { HOW_TO_INSTALL } from './programs.ts'

export default class MissingProgramsReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>()
    for (const module of modules) {
      for (const test of module.children.allTests('skipped')) {
        const missing = missingFor(test)
        if (missing !== '') counts.set(missing, (counts.get(missing) ?? 0) + 1)
      }
    }
    if (counts.size === 0) return
    const lines = [...counts].map(([programs, count]) => `  ${count} for want of ${programs}\n`)
    process.stdout.write(`\nSkipped tests:\n${lines.join('')}  Enable them: ${HOW_TO_INSTALL}\n`)
  }
}

function missingFor(test: TestCase): string {
  for (let task: TestCase['parent'] | TestCase = test; task.type !== 'module'; task = task.parent) {
    const missing = task.meta().missingPrograms
    if (missing !== undefined) return missing.join(', ')
  }
  return ''
}

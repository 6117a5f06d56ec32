import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/missing-programs-reporter.ts'],
    // Processes of their own: tests send signals and change limits. Two fit the smallest machine.
    pool: 'forks',
    maxWorkers: 2,
    // Generous: what takes seconds alone takes many times that on a machine that does other things as well.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
  },
})

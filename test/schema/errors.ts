import { TenantryError } from '../../src/lib/errors.ts'

/** The TenantryError that `run` ends with; anything else is a failed test. */
export async function errorOf(run: () => unknown): Promise<TenantryError> {
  try {
    await run()
  } catch (thrown) {
    if (thrown instanceof TenantryError) return thrown
    throw thrown
  }
  throw new Error('it was expected to fail, and did not')
}

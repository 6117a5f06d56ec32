/** Properties read back as what they were written from. */
import type { Json } from '../../../snapshot/canonical.ts'

/** Empty for a property that is not there. */
export function asText(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

export function asTexts(value: Json | undefined): readonly string[] {
  return Array.isArray(value) ? value.map(asText) : []
}

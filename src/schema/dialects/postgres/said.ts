/** A value of the catalogue, or of a property, as it stands in a name or a statement. */
export function said(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

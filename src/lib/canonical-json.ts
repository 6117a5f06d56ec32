/** JSON with sorted keys: equal values give equal text, whatever order their keys came in. */
export function canonicalJson(value: unknown): string {
  return textOf(value) ?? 'null'
}

/** Written piece by piece: a sorted copy for `JSON.stringify` costs several times as much. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string' || value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if ('toJSON' in value && typeof value.toJSON === 'function') return textOf(value.toJSON())
  let text = ''
  for (const key of sortedKeys(value)) {
    const part = textOf((value as Record<string, unknown>)[key])
    if (part !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${part}`
  }
  return `{${text}}`
}

const LAST_INDEX = 2 ** 32 - 2

function isIndex(key: string): boolean {
  return /^(?:0|[1-9]\d{0,9})$/.test(key) && Number(key) <= LAST_INDEX
}

/** Whole numbers first, as every object has them, then all others by their code units. */
function sortedKeys(value: object): readonly string[] {
  const keys = Object.keys(value)
  for (let at = 1; at < keys.length; at++) {
    if ((keys[at - 1] as string) < (keys[at] as string)) continue
    const names = keys.findIndex((key) => !isIndex(key))
    return names < 0 ? keys : [...keys.slice(0, names), ...keys.slice(names).toSorted()]
  }
  return keys
}

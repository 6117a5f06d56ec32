/** Languages and access methods. */
import type { KindRule } from '../../../plan/action.ts'
import { quote } from './names.ts'
import { brief } from './tools.ts'

export const languageRule: KindRule = {
  create: ({ name, properties }) => {
    const { trusted, handler, inline, validator } = properties
    const sql = [
      `CREATE ${trusted === true ? 'TRUSTED ' : ''}LANGUAGE ${quote(name)} HANDLER ${String(handler)}`,
      ...(inline === undefined ? [] : [`INLINE ${String(inline)}`]),
      ...(validator === undefined ? [] : [`VALIDATOR ${String(validator)}`]),
    ].join(' ')
    return [{ sql, lock: null }]
  },
  drop: ({ name }) => [brief(`DROP LANGUAGE ${quote(name)}`)],
}

export const accessMethodRule: KindRule = {
  create: ({ name, properties }) => [
    {
      sql: `CREATE ACCESS METHOD ${quote(name)} TYPE ${String(properties['type'])} HANDLER ${String(properties['handler'])}`,
      lock: null,
    },
  ],
  drop: ({ name }) => [brief(`DROP ACCESS METHOD ${quote(name)}`)],
}

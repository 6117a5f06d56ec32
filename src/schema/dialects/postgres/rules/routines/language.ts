/** Languages and access methods. */
import type { KindRule } from '../../../../plan/action.ts'
import { quote } from '../names.ts'
import { brief } from '../tools.ts'
import { said } from '../../said.ts'

export const languageRule: KindRule = {
  create: ({ name, properties }) => {
    const { trusted, handler, inline, validator } = properties
    const sql = [
      `CREATE ${trusted === true ? 'TRUSTED ' : ''}LANGUAGE ${quote(name)} HANDLER ${said(handler)}`,
      ...(inline === undefined ? [] : [`INLINE ${said(inline)}`]),
      ...(validator === undefined ? [] : [`VALIDATOR ${said(validator)}`]),
    ].join(' ')
    return [{ sql, lock: null }]
  },
  drop: ({ name }) => [brief(`DROP LANGUAGE ${quote(name)}`)],
}

export const accessMethodRule: KindRule = {
  create: ({ name, properties }) => [
    {
      sql: `CREATE ACCESS METHOD ${quote(name)} TYPE ${said(properties['type'])} HANDLER ${said(properties['handler'])}`,
      lock: null,
    },
  ],
  drop: ({ name }) => [brief(`DROP ACCESS METHOD ${quote(name)}`)],
}

/** What stands on a table or view and acts on its rows: rewrite rules, triggers, policies. */
import { objectId } from '../../../snapshot/snapshot.ts'
import { address, stated, type Found, type Reader, type ReaderRow } from './reader.ts'
import { canonicalText } from './text.ts'
import { said } from '../said.ts'

const ENABLED: Readonly<Record<string, string>> = { D: 'disabled', R: 'replica', A: 'always' }

function placed(row: ReaderRow, name: string): Pick<Found, 'name' | 'parent'> {
  const path = [said(row['schema']), said(row['relation'])]
  return { name: [...path, said(row[name])], parent: objectId(said(row['kind']), ...path) }
}

/** What comes after `beginning`, wherever that stands. */
function splitAt(text: string, middle: string): [string, string] {
  const at = text.indexOf(middle)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + middle.length)]
}

/** The rule that makes a view a view is the view. */
export const rewriteRules: Reader = {
  catalogue: 'pg_rewrite',
  sql: () => `select r.oid, rel.kind, rel.schema, rel.name as relation, r.rulename, r.ev_enabled,
    pg_get_ruledef(r.oid) as definition, format(' TO %I.%I', n.nspname, rel.name) as middle,
    format('CREATE RULE %I AS', r.rulename) as beginning
    from pg_rewrite r join rel on rel.oid = r.ev_class join pg_namespace n on n.oid = rel.relnamespace
    where r.rulename <> '_RETURN'`,
  read: (rows) => ({
    found: rows.map((row) => {
      const text = said(row['definition']).replace(/;$/, '').slice(said(row['beginning']).length).trim()
      const [event, action] = splitAt(text, said(row['middle']))
      return {
        kind: 'rule',
        ...placed(row, 'rulename'),
        properties: stated({
          event: event.trim(),
          action: canonicalText(action.trim()),
          enabled: ENABLED[said(row['ev_enabled'])],
        }),
        addresses: [address('pg_rewrite', row['oid'])],
      }
    }),
  }),
}

/** Left out: those of foreign keys, and those that a partition has because its parent has them. */
export const triggers: Reader = {
  catalogue: 'pg_trigger',
  sql: () => `select t.oid, rel.kind, rel.schema, rel.name as relation, t.tgname, t.tgenabled, t.tgparentid <> 0 as clone,
    parent.tgenabled as parent_enabled, pc.name as parent_relation, pc.schema as parent_schema, pc.kind as parent_kind,
    pg_get_triggerdef(t.oid) as definition, t.tgconstraint, t.tgconstraint <> 0 as is_constraint,
    format(' ON %I.%I ', n.nspname, rel.name) as middle,
    format('TRIGGER %I ', t.tgname) as beginning
    from pg_trigger t join rel on rel.oid = t.tgrelid join pg_namespace n on n.oid = rel.relnamespace
    left join pg_trigger parent on parent.oid = t.tgparentid left join rel pc on pc.oid = parent.tgrelid
    where not t.tgisinternal and (t.tgparentid = 0 or parent.tgenabled <> t.tgenabled)`,
  read: (rows) => ({ found: rows.map((row) => (row['clone'] === true ? clone(row) : trigger(row))) }),
}

function trigger(row: ReaderRow): Found {
  const [, text] = splitAt(said(row['definition']), said(row['beginning']))
  const [event, action] = splitAt(text, said(row['middle']))
  return {
    kind: 'trigger',
    ...placed(row, 'tgname'),
    properties: stated({
      constraint: row['is_constraint'],
      event,
      action: canonicalText(action),
      enabled: ENABLED[said(row['tgenabled'])],
    }),
    addresses: [
      address('pg_trigger', row['oid']),
      ...(row['is_constraint'] === true ? [address('pg_constraint', row['tgconstraint'])] : []),
    ],
  }
}

/** A partition's own word on whether its parent's trigger fires for it. */
function clone(row: ReaderRow): Found {
  const parent = [said(row['parent_schema']), said(row['parent_relation']), said(row['tgname'])]
  return {
    kind: 'trigger_state',
    ...placed(row, 'tgname'),
    properties: {
      enabled: ENABLED[said(row['tgenabled'])] ?? 'origin',
      parent: ENABLED[said(row['parent_enabled'])] ?? 'origin',
    },
    addresses: [address('pg_trigger', row['oid'])],
    needs: [
      objectId('trigger', ...parent),
      objectId('attachment', said(row['schema']), said(row['relation'])),
    ],
  }
}

const COMMAND: Readonly<Record<string, string>> = { r: 'SELECT', a: 'INSERT', w: 'UPDATE', d: 'DELETE' }

export const policies: Reader = {
  catalogue: 'pg_policy',
  sql: () => `select p.oid, rel.kind, rel.schema, rel.name as relation, p.polname, p.polcmd, p.polpermissive,
    (select json_agg(case when r.id = 0 then '' else pg_get_userbyid(r.id)::text end
      order by case when r.id = 0 then '' else pg_get_userbyid(r.id)::text end collate "C") from unnest(p.polroles) r(id)) as roles,
    pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as with_check
    from pg_policy p join rel on rel.oid = p.polrelid`,
  read: (rows) => ({
    found: rows.map((row) => ({
      kind: 'policy',
      ...placed(row, 'polname'),
      properties: stated({
        command: COMMAND[said(row['polcmd'])] ?? 'ALL',
        restrictive: row['polpermissive'] === false,
        roles: row['roles'],
        using: typeof row['using'] === 'string' ? canonicalText(row['using']) : null,
        withCheck: typeof row['with_check'] === 'string' ? canonicalText(row['with_check']) : null,
      }),
      addresses: [address('pg_policy', row['oid'])],
    })),
  }),
}

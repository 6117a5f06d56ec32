/** Views, triggers, routines, events, sequences, and the database itself. */
import { asText } from '../text/properties.ts'
import { mysqlIdent, mysqlLiteral } from '../../../../engine/mysql-sql.ts'
import { SQL_MODE } from '../../../../engine/mysql-connection.ts'
import type { Altered } from '../../../diff/diff.ts'
import type { Action, KindRule, RuleContext } from '../../../plan/action.ts'
import { idOf, objectId, type SchemaObject } from '../../../snapshot/snapshot.ts'
import { isMariaDb, partsOf } from './sides.ts'

const text = (object: SchemaObject, name: string): string => asText(object.properties[name])
const ownName = (object: SchemaObject): string => object.name.at(-1) as string

/** The database is always there: only its defaults change. */
export const databaseRule: KindRule = {
  create: () => [],
  drop: () => [],
  alter: ({ to }) => ({
    actions: [
      {
        sql: `ALTER DATABASE CHARACTER SET ${text(to, 'charset')} COLLATE ${text(to, 'collation')}`,
        lock: null,
      },
    ],
  }),
}

export const sequenceRule: KindRule = {
  create: (sequence) => [
    { sql: `CREATE SEQUENCE ${mysqlIdent(ownName(sequence))} ${text(sequence, 'definition')}`, lock: null },
  ],
  drop: (sequence) => [
    {
      sql: `DROP SEQUENCE ${mysqlIdent(ownName(sequence))}`,
      lock: 'access exclusive',
      hazards: [
        { name: 'data-loss', detail: `the sequence ${ownName(sequence)} and where it stood are removed` },
      ],
    },
  ],
  alter: ({ from, to }) => {
    const [before, after] = [from, to].map((one) => sequenceParts(text(one, 'definition'))) as [
      SequenceParts,
      SequenceParts,
    ]
    const name = mysqlIdent(ownName(to))
    const actions: Action[] = []
    if (before.options !== after.options) {
      const anew = sharesNothing(before.options, after.options)
      const start = startOf(after.options)
      const detail = `the sequence ${ownName(to)} begins anew: none of its values is within its new bounds`
      actions.push({
        sql: anew
          ? `ALTER SEQUENCE ${name} ${after.options} RESTART WITH ${start}`
          : alterSequence(name, startOf(before.options), after.options),
        lock: 'access exclusive',
        hazards: anew ? [{ name: 'data-loss', detail }] : [],
      })
    }
    if (before.engine !== after.engine) {
      const uncommented = before.engine.includes(' COMMENT=') && !after.engine.includes(' COMMENT=')
      const sql = `ALTER TABLE ${name} ${after.engine}${uncommented ? " COMMENT=''" : ''}`
      actions.push({ sql, lock: 'access exclusive' })
    }
    return { actions }
  },
}

function startOf(options: string): string {
  return /start with (-?\d+)/i.exec(options)?.[1] ?? '1'
}

/**
 * One that was never used stands at its start, and so does one that is made as it is now. Whether it was used is seen
 * when the statement runs: tenants with the same schema differ in that.
 */
function alterSequence(name: string, start: string, options: string): string {
  const alter = `ALTER SEQUENCE ${name} ${options}`
  if (startOf(options) === start) return alter
  return `BEGIN NOT ATOMIC
  IF (SELECT next_not_cached_value FROM ${name}) = ${start} THEN
    ${alter} RESTART WITH ${startOf(options)};
  ELSE
    ${alter};
  END IF;
END`
}

function sharesNothing(from: string, to: string): boolean {
  const bound = (options: string, word: string): bigint =>
    BigInt(new RegExp(`${word} (-?\\d+)`, 'i').exec(options)?.[1] ?? 0)
  const [low, high] = [bound(from, 'minvalue'), bound(from, 'maxvalue')]
  return bound(to, 'minvalue') > high || bound(to, 'maxvalue') < low
}

interface SequenceParts {
  readonly options: string
  readonly engine: string
}

function sequenceParts(definition: string): SequenceParts {
  const at = definition.search(/ENGINE=/i)
  return at === -1
    ? { options: definition, engine: '' }
    : { options: definition.slice(0, at).trim(), engine: definition.slice(at).trim() }
}

/** Columns that appear in this plan, of the tables that a view or trigger reads: it is made after them. */
function newColumnsOf(tables: readonly string[], context: RuleContext): string[] {
  return tables.flatMap((table) =>
    partsOf(context, table, 'after', 'column')
      .map(idOf)
      .filter((id) => context.isNew(id)),
  )
}

function viewAction(view: SchemaObject, context: RuleContext, replaces: boolean): Action {
  const tables = view.dependsOn.flatMap((id) => {
    const object = context.after(id)
    return object?.kind === 'table' ? [ownName(object)] : []
  })
  const [definer, form] = [text(view, 'definer'), text(view, 'form')]
  const parts = [
    replaces ? 'CREATE OR REPLACE' : 'CREATE',
    `ALGORITHM=${text(view, 'algorithm')}`,
    ...(form === 'MATERIALIZED' ? [form] : []),
    ...(definer === '' ? [] : [`DEFINER=${definer}`]),
    `SQL SECURITY ${text(view, 'security')}${form === '' || form === 'MATERIALIZED' ? '' : ` ${form}`} VIEW ${mysqlIdent(ownName(view))}`,
    text(view, 'definition'),
  ]
  return { sql: parts.join(' '), needs: newColumnsOf(tables, context), lock: null }
}

export const viewRule: KindRule = {
  create: (view, context) => [{ ...viewAction(view, context, false), creates: [idOf(view)] }],
  drop: (view) => [{ sql: `DROP VIEW ${mysqlIdent(ownName(view))}`, lock: null }],
  alter: ({ from, to }, context) => {
    // A view of one kind does not replace one of another.
    if (text(from, 'form') !== text(to, 'form')) return 'replace'
    const access =
      text(from, 'definer') !== text(to, 'definer') || text(from, 'security') !== text(to, 'security')
    const detail = `the view ${ownName(to)} is read with the rights of another user`
    return {
      actions: [
        {
          ...viewAction(to, context, true),
          alters: [idOf(to)],
          ...(access ? { hazards: [{ name: 'access-change' as const, detail }] } : {}),
        },
      ],
    }
  },
  rename: ({ from, to }) => [
    { sql: `RENAME TABLE ${mysqlIdent(ownName(from))} TO ${mysqlIdent(ownName(to))}`, lock: null },
  ],
}

/** Modes under which the same text means something else: the server reads a statement before it sees SET STATEMENT. */
const READ_DIFFERENTLY =
  /ANSI_QUOTES|PIPES_AS_CONCAT|IGNORE_SPACE|ORACLE|MSSQL|NO_BACKSLASH_ESCAPES|HIGH_NOT_PRECEDENCE/

/** A statement that is run, and whose text is kept, under the SQL mode that the object remembers. */
function underMode(sql: string, object: SchemaObject, context: RuleContext): string {
  const zone = text(object, 'timeZone')
  const mode = text(object, 'sqlMode')
  const settings = [`sql_mode = ${mysqlLiteral(mode)}`]
  if (zone !== '') settings.push(`time_zone = ${mysqlLiteral(zone)}`)
  if (isMariaDb(context) && !READ_DIFFERENTLY.test(mode))
    return `SET STATEMENT ${settings.join(', ')} FOR ${sql}`
  const before = settings.map((one) => `SESSION ${one}`).join(', ')
  const after = `SESSION sql_mode = ${mysqlLiteral(SQL_MODE)}${zone === '' ? '' : ', SESSION time_zone = DEFAULT'}`
  return `SET ${before};\n${sql};\nSET ${after}`
}

function makeAction(object: SchemaObject, context: RuleContext, replaces: boolean): Action {
  const definer = text(object, 'definer')
  const parts = [
    replaces ? 'CREATE OR REPLACE' : 'CREATE',
    ...(definer === '' ? [] : [`DEFINER=${definer}`]),
    text(object, 'definition'),
  ]
  return { sql: underMode(parts.join(' '), object, context), lock: null }
}

/** Replaced in one statement where the server knows OR REPLACE, so that it is there all the time. */
function replaceable(object: SchemaObject, context: RuleContext): boolean {
  return (
    isMariaDb(context) && !/^(?:AGGREGATE\s+)?[\w ]+\s+IF\s+NOT\s+EXISTS\b/i.test(text(object, 'definition'))
  )
}

function routineRule(keyword: string): KindRule {
  const isPackage = keyword.startsWith('PACKAGE')
  return {
    create: (routine, context) => [makeAction(routine, context, false)],
    drop: (routine, context) => {
      const sql = `DROP ${keyword} ${mysqlIdent(ownName(routine))}`
      // The word is known in the mode of Oracle only.
      return [{ sql: isPackage ? underMode(sql, routine, context) : sql, lock: null }]
    },
    alter: ({ to }, context) =>
      replaceable(to, context) ? { actions: [makeAction(to, context, true)] } : 'replace',
  }
}

export const procedureRule = routineRule('PROCEDURE')
export const functionRule = routineRule('FUNCTION')
export const packageRule = routineRule('PACKAGE')
export const packageBodyRule = routineRule('PACKAGE BODY')
/** Of JavaScript. */
export const libraryRule = routineRule('LIBRARY')
export const eventRule = routineRule('EVENT')

export const triggerRule: KindRule = {
  create: (trigger, context) => [
    {
      ...makeAction(trigger, context, false),
      needs: newColumnsOf([trigger.name[0] as string], context),
      lock: 'access exclusive',
    },
  ],
  drop: (trigger) => [{ sql: `DROP TRIGGER ${mysqlIdent(ownName(trigger))}`, lock: 'access exclusive' }],
  alter: (change, context) => {
    if (change.properties.every((name) => name === 'follows')) {
      return keepsOrder(change, context) ? { actions: [] } : 'replace'
    }
    // Only a trigger that stands alone keeps its place when it is replaced.
    const alone = change.to.properties['follows'] === undefined && !isFollowed(change.from, context)
    const moved = change.properties.some((name) => name === 'when' || name === 'follows')
    if (!alone || moved || !replaceable(change.to, context)) return 'replace'
    const needs = newColumnsOf([change.to.name[0] as string], context)
    return { actions: [{ ...makeAction(change.to, context, true), needs, lock: 'access exclusive' }] }
  },
}

function isFollowed(trigger: SchemaObject, context: RuleContext): boolean {
  return context.dependentsBefore(idOf(trigger)).length > 0
}

/** Whether the trigger comes to follow the right one by itself, since those between them go. */
function keepsOrder({ from, to }: Altered, context: RuleContext): boolean {
  const table = to.name[0] as string
  const wanted = to.properties['follows']
  let before = from.properties['follows']
  while (typeof before === 'string' && before !== wanted) {
    const id = objectId('trigger', table, before)
    if (context.after(id) !== undefined) return false
    before = context.before(id)?.properties['follows']
  }
  if (typeof wanted !== 'string') return before === undefined
  return before === wanted && !context.isNew(objectId('trigger', table, wanted))
}

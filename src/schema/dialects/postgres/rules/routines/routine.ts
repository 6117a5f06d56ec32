/** Functions and procedures: replaced in place wherever the server can, so that what uses them stays. */
import { sameJson, type Json } from '../../../../snapshot/canonical.ts'
import { idOf, type SchemaObject } from '../../../../snapshot/snapshot.ts'
import type { KindRule, RuleContext } from '../../../../plan/action.ts'
import type { Hazard } from '../../../../plan/hazards.ts'
import { generatedOf } from '../columns/column-text.ts'
import { hazard } from '../tools.ts'
import { routineName, routineSignature } from './routine-names.ts'
import { said } from '../../said.ts'

function routineRule(word: 'FUNCTION' | 'PROCEDURE'): KindRule {
  const define = (object: SchemaObject): string =>
    `CREATE OR REPLACE ${word} ${routineName(object)}${said(object.properties['definition'])}`
  return {
    create: (object) => [{ sql: define(object), lock: null }],
    drop: (object) => [{ sql: `DROP ${word} ${routineSignature(object)}`, lock: null }],
    alter: ({ from, to }, context) => {
      if (!canReplace(from, to)) return 'replace'
      const action = { sql: define(to), lock: null, hazards: staleValues(from, context) }
      return { actions: [action], rebuild: eventTriggers(from, context) }
    },
  }
}

export const functionRule = routineRule('FUNCTION')
export const procedureRule = routineRule('PROCEDURE')

/** The function that they call knows either the schema as it was or as it will be: they are away meanwhile. */
function eventTriggers(object: SchemaObject, context: RuleContext): string[] {
  return context
    .dependentsBefore(idOf(object))
    .filter(({ kind }) => kind === 'event_trigger')
    .map(idOf)
}

/** The server takes a function's word for it that it returns what it always did: it looks at nothing again. */
function staleValues(object: SchemaObject, context: RuleContext): Hazard[] {
  const holders = context
    .dependentsBefore(idOf(object))
    .filter(
      (one) => remembers(one) && context.after(idOf(one)) !== undefined && !context.isDropped(idOf(one)),
    )
    .map(({ kind, name }) => `the ${kind.replaceAll('_', ' ')} ${name.join('.')}`)
  if (holders.length === 0) return []
  const detail = `${holders.toSorted().join(', ')}: made or checked with what ${object.name.join('.')} returned before, and left so.`
  return [hazard('stale-values', `${detail.charAt(0).toUpperCase()}${detail.slice(1)}`)]
}

function remembers({ kind, properties }: SchemaObject): boolean {
  if (kind === 'column') return generatedOf(properties)?.kind === 'stored'
  return (
    ['index', 'constraint', 'domain_constraint'].includes(kind) || properties['partitionBy'] !== undefined
  )
}

/** As in the server's ProcedureCreate: result, outputs and names stay, defaults are only added. */
function canReplace(from: SchemaObject, to: SchemaObject): boolean {
  const same = (fact: string): boolean => sameJson(from.facts?.[fact] ?? null, to.facts?.[fact] ?? null)
  return (
    same('result') &&
    same('window') &&
    same('outputs') &&
    number(to.facts?.['defaults']) >= number(from.facts?.['defaults']) &&
    namesStay(from.facts?.['argumentNames'], to.facts?.['argumentNames'])
  )
}

function namesStay(from: Json | undefined, to: Json | undefined): boolean {
  const after = Array.isArray(to) ? to : []
  return (Array.isArray(from) ? from : []).every((name, at) => name === '' || name === (after[at] ?? ''))
}

function number(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0
}

/** Schemas of any size, of the kind that applications have: keys, references, indexes, checks, views, functions. */

/** Statements for a database of `tables` tables; `edits` changes every hundredth of them a little. */
export function schemaSql(tables: number, edits = false): string {
  const statements: string[] = []
  for (let number = 0; number < tables; number++)
    statements.push(...tableSql(number, edits && number % 100 === 7))
  for (let number = 0; number < tables; number += 10) {
    statements.push(
      `create view v${number} as select a.id, a.title, b.amount from t${number} a join t${Math.max(0, number - 1)} b on b.id = a.parent_id`,
    )
  }
  for (let number = 0; number < tables; number += 20) {
    statements.push(
      `create function f${number}(wanted bigint) returns bigint language sql stable as 'select count(*) from t${number} where id > wanted'`,
    )
  }
  return `${statements.join(';\n')};\n`
}

function tableSql(number: number, edited: boolean): string[] {
  const parent = Math.max(0, number - 1)
  return [
    `create table t${number} (
      id bigint generated always as identity primary key,
      parent_id bigint references t${parent},
      title text not null${edited ? " default 'none'" : ''},
      code varchar(40) unique,
      amount numeric(12, 2) not null default 0 check (amount >= 0),
      tags text[] not null default '{}',
      facts jsonb${edited ? ', edited_by text' : ''},
      made_at timestamptz not null default now()
    )`,
    `create index on t${number} (parent_id)`,
    `create index on t${number} (made_at) where amount > 0`,
    `comment on table t${number} is 'Table ${number} of many'`,
  ]
}

/** Statements and whether PostgreSQL lets them into a transaction block: checked by word, and by real servers. */
export interface BlockCase {
  readonly sql: string
  readonly kind: 'transactional' | 'nontransactional'
  /** Since which major version the server knows the statement. */
  readonly since?: number
}

const refused: BlockCase[] = [
  { sql: 'create index concurrently on t (a)', kind: 'nontransactional' },
  { sql: 'create index concurrently if not exists i on t (a)', kind: 'nontransactional' },
  { sql: 'create unique index concurrently i on t (a)', kind: 'nontransactional' },
  { sql: 'drop index concurrently t_a_idx', kind: 'nontransactional' },
  { sql: 'drop index concurrently if exists t_a_idx', kind: 'nontransactional' },
  { sql: 'reindex table concurrently t', kind: 'nontransactional' },
  { sql: 'reindex index concurrently t_a_idx', kind: 'nontransactional' },
  { sql: 'reindex (concurrently) table t', kind: 'nontransactional' },
  { sql: 'reindex (verbose, concurrently true) table t', kind: 'nontransactional' },
  { sql: 'reindex (verbose) table concurrently t', kind: 'nontransactional' },
  { sql: 'reindex schema s', kind: 'nontransactional' },
  { sql: 'reindex (verbose) database current_db', kind: 'nontransactional' },
  { sql: 'reindex system current_db', kind: 'nontransactional' },
  { sql: 'vacuum', kind: 'nontransactional' },
  { sql: 'vacuum t', kind: 'nontransactional' },
  { sql: 'vacuum (analyze, verbose) t', kind: 'nontransactional' },
  { sql: 'vacuum full t', kind: 'nontransactional' },
  { sql: 'create database d', kind: 'nontransactional' },
  { sql: 'drop database if exists d', kind: 'nontransactional' },
  { sql: 'alter database d set tablespace pg_default', kind: 'nontransactional' },
  { sql: "create tablespace ts location '/nowhere'", kind: 'nontransactional' },
  { sql: 'drop tablespace ts', kind: 'nontransactional' },
  { sql: "alter system set work_mem = '8mb'", kind: 'nontransactional' },
  { sql: 'alter system reset all', kind: 'nontransactional' },
  { sql: 'alter table p detach partition p1 concurrently', kind: 'nontransactional' },
  { sql: 'alter table if exists only s.p detach partition s.p1 concurrently', kind: 'nontransactional' },
  { sql: 'alter table only ( p ) detach partition p1 concurrently', kind: 'nontransactional' },
  { sql: 'cluster', kind: 'nontransactional' },
  { sql: 'cluster verbose', kind: 'nontransactional' },
  { sql: 'cluster (verbose)', kind: 'nontransactional', since: 17 },
  { sql: 'discard all', kind: 'nontransactional' },
  { sql: "create subscription b connection 'host=/nowhere' publication x", kind: 'nontransactional' },
  {
    sql: "create subscription b connection 'host=/nowhere' publication x with (enabled = false)",
    kind: 'nontransactional',
  },
  { sql: 'alter subscription s1 refresh publication', kind: 'nontransactional' },
  { sql: 'alter subscription s1 set publication x', kind: 'nontransactional' },
  { sql: 'alter subscription s1 add publication y with (refresh = true)', kind: 'nontransactional' },
]

const allowed: BlockCase[] = [
  { sql: 'analyze t', kind: 'transactional' },
  { sql: 'create index on t (a)', kind: 'transactional' },
  { sql: 'create unique index i on t (a)', kind: 'transactional' },
  { sql: 'drop index t_a_idx', kind: 'transactional' },
  { sql: 'reindex table t', kind: 'transactional' },
  { sql: 'reindex (verbose) index t_a_idx', kind: 'transactional' },
  { sql: 'reindex (concurrently false) table t', kind: 'transactional' },
  { sql: 'refresh materialized view concurrently m', kind: 'transactional' },
  { sql: "alter type e add value 'z'", kind: 'transactional' },
  { sql: 'cluster t using t_a_idx', kind: 'transactional' },
  { sql: 'cluster t', kind: 'transactional' },
  { sql: 'discard temp', kind: 'transactional' },
  { sql: 'alter database current_db set work_mem = 8192', kind: 'transactional' },
  { sql: 'alter table p detach partition p1', kind: 'transactional' },
  { sql: 'alter table t add column detach int', kind: 'transactional' },
  { sql: 'alter table t rename to concurrently_', kind: 'transactional' },
  { sql: 'create table "concurrently" (a int)', kind: 'transactional' },
  { sql: 'create index "concurrently" on t (a)', kind: 'transactional' },
  { sql: 'create table vacuum (a int)', kind: 'transactional' },
  { sql: 'lock table t', kind: 'transactional' },
  {
    sql: "create subscription c connection 'host=/nowhere' publication x with (connect = false)",
    kind: 'transactional',
  },
  {
    sql: "create subscription c connection 'host=/nowhere' publication x with (create_slot = 'off', enabled = false)",
    kind: 'transactional',
  },
  { sql: 'alter subscription s1 set publication x with (refresh = false)', kind: 'transactional' },
  { sql: 'alter subscription s1 disable', kind: 'transactional' },
]

export const BLOCK_CASES: readonly BlockCase[] = [...refused, ...allowed]

/** What the statements refer to. `current_db` stands for the name of the database. */
export const BLOCK_SETUP = [
  'create schema s',
  'create table t (a int)',
  'create index t_a_idx on t (a)',
  'cluster t using t_a_idx',
  'create table p (a int) partition by list (a)',
  'create table p1 partition of p for values in (1)',
  'create table s.p (a int) partition by list (a)',
  'create table s.p1 partition of s.p for values in (1)',
  "create type e as enum ('a')",
  'create materialized view m as select a from t',
  'create unique index on m (a)',
  "create subscription s1 connection 'host=/nowhere' publication x with (connect = false)",
  'alter subscription s1 set (slot_name = s1)',
  'alter subscription s1 enable',
] as const

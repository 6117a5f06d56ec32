do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create extension postgres_fdw;
grant usage on foreign data wrapper postgres_fdw to ra;
create extension citext;
revoke usage on type citext from public;
grant usage on type citext to ra;
revoke execute on function citext_eq(citext, citext) from public;
create extension pg_stat_statements;
revoke select on pg_stat_statements from public;

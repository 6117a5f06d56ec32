do $$ begin create role ra; exception when duplicate_object or unique_violation then null; end $$;
create extension postgres_fdw;
create extension citext;
grant usage on type citext to ra with grant option;

create schema x;
create extension hstore schema x;
create extension pg_trgm;
create table t (a x.hstore, b text);
create index i on t using gin (b gin_trgm_ops);
comment on extension pg_trgm is null;
create function f() returns int language sql return 1;
alter function f depends on extension hstore;

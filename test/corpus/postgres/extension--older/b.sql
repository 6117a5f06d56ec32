create extension hstore;
create table t (id int, h hstore default ''::hstore);
create index i on t using gin (h);
create view v as select h -> 'a' as a from t;

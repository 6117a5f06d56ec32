create extension hstore;
create table t (a hstore, many hstore[] not null);
create domain tagged as hstore;
create type labelled as (name text, tags hstore);
create table holder (d tagged, l labelled);

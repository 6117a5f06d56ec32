create text search configuration c (copy=simple);
create table t(a text);
create index i on t using gin(to_tsvector('public.c', a));

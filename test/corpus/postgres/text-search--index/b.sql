create text search dictionary d (template=simple, accept=false);
create text search configuration c (copy=simple);
alter text search configuration c alter mapping for word with d;
alter text search configuration c drop mapping for email;
create table t(a text);
create index i on t using gin(to_tsvector('public.c', a));
create text search dictionary d2 (template=snowball, language=english, stopwords=english);

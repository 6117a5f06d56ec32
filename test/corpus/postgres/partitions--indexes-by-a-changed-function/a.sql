CREATE FUNCTION tidy(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(t) $$;
CREATE TABLE notes (id integer, note text) PARTITION BY RANGE (id);
CREATE INDEX notes_tidy ON notes (tidy(note));
CREATE TABLE notes_1 (id integer, note text);
CREATE INDEX notes_1_tidy ON notes_1 (tidy(note));
CREATE TABLE notes_2 PARTITION OF notes FOR VALUES FROM (10) TO (20);

CREATE FUNCTION tidy(t text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT trim(lower(t)) $$;
CREATE TABLE notes (id integer, note text) PARTITION BY RANGE (id);
CREATE INDEX notes_tidy ON notes (tidy(note));
CREATE TABLE notes_1 PARTITION OF notes FOR VALUES FROM (0) TO (10);
ALTER INDEX notes_1_tidy_idx RENAME TO notes_1_tidy;
CREATE TABLE notes_2 PARTITION OF notes FOR VALUES FROM (10) TO (20);

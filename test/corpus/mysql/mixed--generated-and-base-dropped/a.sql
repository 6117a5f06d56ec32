CREATE TABLE a (id int, w int, g int AS (w + 1) VIRTUAL, h int AS (w + 2) STORED, KEY kg (g), CONSTRAINT c CHECK (w > 1));

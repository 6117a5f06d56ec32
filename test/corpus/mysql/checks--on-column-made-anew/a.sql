CREATE TABLE t (id int PRIMARY KEY, g int AS (id + 1) VIRTUAL, CONSTRAINT above CHECK (g > 0), CONSTRAINT other CHECK (id > 0));

CREATE TABLE t (id int PRIMARY KEY, a int, v int AS (a + 1) VIRTUAL, w int AS (v + 1) STORED, x varchar(20) AS (concat(a, 'x')) VIRTUAL NOT NULL, KEY kv (v), KEY kw (w), CHECK (v > 0));

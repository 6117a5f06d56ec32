CREATE TABLE t (id int PRIMARY KEY, a int, v bigint AS (a + 2) VIRTUAL, w int AS (v + 2) VIRTUAL, x varchar(30) AS (concat(a, 'y')) VIRTUAL, KEY kv (v), KEY kw (w), CHECK (v > 1));

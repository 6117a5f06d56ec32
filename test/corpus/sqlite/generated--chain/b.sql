CREATE TABLE t (a INTEGER, b AS (a + 1), c AS (b + 1), d AS (c + 1) STORED);

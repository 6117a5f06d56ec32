CREATE TABLE t (id int PRIMARY KEY, a bigint, v int AS (a + 1) VIRTUAL, w int AS (a + 1) STORED, d int DEFAULT (a + 1), KEY kb ((a + 1)), CHECK (a > 0));

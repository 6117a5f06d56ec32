CREATE TABLE t (id int PRIMARY KEY, a int, b int, v int AS (a + b) VIRTUAL, w int AS (a + 1) STORED, d int DEFAULT (b + 1), KEY kb ((b + 1)), CHECK (a < b OR a > 0));

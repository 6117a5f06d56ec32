CREATE TABLE boxes (w int, a int AS (w + 2) VIRTUAL, b int AS (a + 1) VIRTUAL, c int AS (b + a) VIRTUAL);

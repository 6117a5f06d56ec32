CREATE TABLE boxes (w int, a int AS (w + 1) STORED, b int, c int, d int AS (w * 2) VIRTUAL);

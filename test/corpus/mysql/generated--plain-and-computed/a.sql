CREATE TABLE boxes (w int, a int, b int AS (w + 2) STORED, c int AS (w + 3) VIRTUAL, d int);

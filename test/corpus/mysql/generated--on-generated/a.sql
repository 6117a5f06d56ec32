CREATE TABLE boxes (w int, a int AS (w + 1) VIRTUAL, b int AS (a + 1) VIRTUAL);

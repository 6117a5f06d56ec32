CREATE TABLE boxes (w int, a int AS (w + 1) VIRTUAL, b int AS (w + 2) STORED, KEY ka (a), KEY kb (b, w));

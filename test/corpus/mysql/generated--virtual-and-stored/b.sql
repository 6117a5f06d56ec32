CREATE TABLE boxes (w int, a int AS (w + 1) STORED, b int AS (w + 2) VIRTUAL, KEY ka (a), KEY kb (b, w));

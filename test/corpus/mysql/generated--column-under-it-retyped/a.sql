CREATE TABLE boxes (w int, a bigint AS (w * 2) STORED, v bigint AS (w * 3) VIRTUAL);

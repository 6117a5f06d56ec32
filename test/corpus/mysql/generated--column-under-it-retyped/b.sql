CREATE TABLE boxes (w bigint, a bigint AS (w * 2) STORED, v bigint AS (w * 3) VIRTUAL);

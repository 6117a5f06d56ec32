CREATE TABLE boxes (w int, h int, area int AS (w * h + 1) VIRTUAL, half bigint AS (h / 2) STORED, sum int AS (w + h) STORED, KEY (area), KEY s (sum, w));

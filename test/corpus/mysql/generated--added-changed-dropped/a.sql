CREATE TABLE boxes (w int, h int, area int AS (w * h) VIRTUAL, half int AS (w / 2) STORED, gone int AS (w) VIRTUAL, KEY (area));

CREATE TABLE boxes (w int, h int, area int GENERATED ALWAYS AS (w * h) STORED, half int GENERATED ALWAYS AS (w / 2) STORED, plain int);

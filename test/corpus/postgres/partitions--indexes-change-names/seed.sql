INSERT INTO steps SELECT i, 'r' || i, i % 2 FROM generate_series(1, 9) i;
INSERT INTO paths SELECT i, 'r' || i FROM generate_series(1, 9) i;

INSERT INTO visits SELECT i, 'p' || i, i % 3 FROM generate_series(1, 9) i;

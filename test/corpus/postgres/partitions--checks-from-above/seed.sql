INSERT INTO posts SELECT i, 'b' || i FROM generate_series(1, 9) i;

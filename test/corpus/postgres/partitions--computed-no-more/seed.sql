INSERT INTO sizes SELECT i FROM generate_series(1, 9) i; INSERT INTO elder VALUES (1); INSERT INTO middle VALUES (2); INSERT INTO young VALUES (3);

INSERT INTO readings SELECT i, 'v' || i FROM generate_series(1, 9) i; INSERT INTO lists SELECT i, 'n' FROM generate_series(1, 9) i; INSERT INTO heirs VALUES (1, 'n', 'o');

INSERT INTO events SELECT n, date '2024-06-01' + n * 100, 'a' FROM generate_series(1, 8) n;

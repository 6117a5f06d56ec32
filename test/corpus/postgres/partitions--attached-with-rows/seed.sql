INSERT INTO readings VALUES (1, '2025-01-01');
INSERT INTO zones VALUES ('n', 100);
INSERT INTO by_hash SELECT n FROM generate_series(1, 20) n WHERE satisfies_hash_partition('by_hash'::regclass, 2, 0, n);
INSERT INTO readings_june SELECT n, date '2026-06-01' + n FROM generate_series(1, 9) n;

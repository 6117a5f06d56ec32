INSERT INTO t VALUES (1, 'y', 'z', 2, 'q');

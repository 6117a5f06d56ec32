INSERT INTO t (a, c) VALUES (4, 5);

INSERT INTO t VALUES (4, 'x'), (9, 'y');

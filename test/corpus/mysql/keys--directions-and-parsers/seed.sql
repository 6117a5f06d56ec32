INSERT INTO t VALUES (1, 1, 'x', 'some words'), (2, 2, 'y', 'other words');

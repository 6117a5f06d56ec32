INSERT INTO people VALUES (1), (2); INSERT INTO tasks VALUES (1, 1, NULL), (2, 2, 1), (3, 1, 3);

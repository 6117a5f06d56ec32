INSERT INTO m VALUES (1, 2, 'x'), (7, NULL, 'y');

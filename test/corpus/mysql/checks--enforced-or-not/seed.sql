INSERT INTO stock VALUES (1, 2, 3), (2, 3, 4);

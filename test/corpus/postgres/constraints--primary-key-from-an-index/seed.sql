INSERT INTO coins VALUES (1, 2), (2, 5);

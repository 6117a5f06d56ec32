INSERT INTO parts VALUES (1, 'a', NULL), (2, 'a', 1); INSERT INTO users_of VALUES (1, 'a');
